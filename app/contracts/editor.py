"""The operator's own editor, opened at a line of a source: a command without a shell, so that no file name can be one."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from app.core.errors import Invalid, NotFound, Unavailable

# How editors with a window of their own are told a line. Those that need a terminal are not here: a window has none to give.
KNOWN = {
    "code": "code --goto {file}:{line}:{column}",
    "codium": "codium --goto {file}:{line}:{column}",
    "cursor": "cursor --goto {file}:{line}:{column}",
    "zed": "zed {file}:{line}:{column}",
    "subl": "subl {file}:{line}:{column}",
    "idea": "idea --line {line} --column {column} {file}",
    "kate": "kate --line {line} --column {column} {file}",
    "gvim": "gvim +{line} {file}",
    "gnome-text-editor": "gnome-text-editor {file} +{line}:{column}",
    "gedit": "gedit +{line}:{column} {file}",
    "mousepad": "mousepad --line={line} {file}",
}
TERMINAL = frozenset({"vi", "vim", "nvim", "nano", "emacs", "micro", "joe", "ed", "helix", "hx", "pico"})


def command(template: str, file: Path, line: int = 1, column: int = 1, environ: Mapping[str, str] | None = None) -> list[str]:
    """The editor's argument vector.

    Args:
        template: of the setting ``editor``: a command with ``{file}``, and ``{line}`` and ``{column}`` where it takes them, both
            from 1. Empty: ``$VISUAL``, then the first known editor that is installed.
        environ: default: the process's own.

    Raises:
        Invalid: the template has no ``{file}``, or cannot be read; ``field`` is ``editor``.
        NotFound: no editor is installed.
    """
    environ = os.environ if environ is None else environ
    template = template.strip() or _found(environ)
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise Invalid(f"The setting editor cannot be read ({error}). Nothing was opened.", _remedy(), field="editor") from error
    if not any("{file}" in word for word in words):
        raise Invalid("The setting editor does not say where the file goes. Nothing was opened.", _remedy(), field="editor")
    values = {"{file}": str(file), "{line}": str(max(1, line)), "{column}": str(max(1, column))}
    return [_filled(word, values) for word in words]


def open_in_editor(template: str, file: Path, line: int = 1, column: int = 1) -> list[str]:
    """Start the editor and leave it running; gives what was started. Raises as :func:`command`.

    Raises:
        NotFound: the file is gone.
        Unavailable: the editor could not be started.
    """
    if not file.is_file():
        raise NotFound(f"{file.name} is no longer there. Nothing was opened.", "Compile again.")
    words = command(template, file, line, column)
    try:
        subprocess.Popen(  # the operator's own command, without a shell
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise Unavailable(f"{words[0]} could not be started ({error.strerror}). Nothing was opened.", _remedy()) from error
    return words


def _found(environ: Mapping[str, str]) -> str:
    visual = environ.get("VISUAL", "").strip()
    name = Path(visual.split()[0]).name if visual else ""
    if name in KNOWN:
        return visual.split()[0] + KNOWN[name].removeprefix(name)
    if visual and name not in TERMINAL:
        return visual + " {file}"
    path = environ.get("PATH")
    for name, template in KNOWN.items():
        if shutil.which(name, path=path):
            return template
    raise NotFound("No editor with a window was found. Nothing was opened.", _remedy())


def _filled(word: str, values: Mapping[str, str]) -> str:
    """One pass over the word, so that a file called ``{line}`` stays what it is."""
    made = ""
    while word:
        name = next((name for name in values if word.startswith(name)), None)
        made, word = (made + values[name], word[len(name) :]) if name else (made + word[0], word[1:])
    return made


def _remedy() -> str:
    return "Set one, such as: azora settings set editor 'code --goto {file}:{line}'"
