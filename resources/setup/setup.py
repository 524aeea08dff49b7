"""Set up whatever is missing, with visible progress: ``python3 setup.py run|test``.

Standard library only, Python 3.11 or newer. Each part leaves a stamp (a hash of what it was made from), so the second time takes
a moment. What cannot be done here is named exactly, and nothing is left half-made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).resolve().parent))
import toolchain

ROOT = toolchain.ROOT
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMPS = VENV / "stamps"

# Debian 12 and Ubuntu 22.04 or newer. The file shows that the package is there without asking dpkg.
RUN_PACKAGES = {
    "libegl1": "libEGL.so.1",
    "libgl1": "libGL.so.1",
    "libopengl0": "libOpenGL.so.0",
    "libxkbcommon0": "libxkbcommon.so.0",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-image0": "libxcb-image.so.0",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-randr0": "libxcb-randr.so.0",
    "libxcb-render-util0": "libxcb-render-util.so.0",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-shm0": "libxcb-shm.so.0",
    "libxcb-sync1": "libxcb-sync.so.1",
    "libxcb-xfixes0": "libxcb-xfixes.so.0",
    "libx11-xcb1": "libX11-xcb.so.1",
    "libwayland-client0": "libwayland-client.so.0",
    "libwayland-cursor0": "libwayland-cursor.so.0",
    "libwayland-egl1": "libwayland-egl.so.1",
    "libgssapi-krb5-2": "libgssapi_krb5.so.2",
    "libxcb-xinerama0": "libxcb-xinerama.so.0",
    "libxcb-xkb1": "libxcb-xkb.so.1",
    "libfontconfig1": "libfontconfig.so.1",
    "libdbus-1-3": "libdbus-1.so.3",
    "dbus": "/usr/bin/dbus-run-session",
    "gnome-keyring": "/usr/bin/gnome-keyring-daemon",
    "fontconfig": "/usr/bin/fc-list",
    "fonts-inter": "/usr/share/fonts/opentype/inter",
    "fonts-jetbrains-mono": "/usr/share/fonts/truetype/jetbrains-mono",
}
# The console works without these, with the system's own fonts; a machine that cannot fetch them is not stopped.
WISHES = {"fonts-inter", "fonts-jetbrains-mono"}
TEST_PACKAGES = {
    "xvfb": "/usr/bin/Xvfb",
    "openbox": "/usr/bin/openbox",
    "postgresql": "/usr/lib/postgresql",
}


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


def _libraries() -> set[str]:
    """Names of the shared libraries that the loader knows."""
    tool = shutil.which("ldconfig") or "/sbin/ldconfig"
    listed = subprocess.run([tool, "-p"], capture_output=True, text=True, check=False).stdout
    return {line.split()[0] for line in listed.splitlines() if "=>" in line}


def missing_packages(packages: dict[str, str]) -> list[str]:
    """The Debian packages of the table that are not there."""
    libraries = _libraries()
    absent = [name for name, sign in packages.items() if not (Path(sign).exists() if sign.startswith("/") else sign in libraries)]
    # Another release may keep the file elsewhere; dpkg has the last word.
    return [name for name in absent if not _installed(name)]


def _installed(package: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    asked = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status}", package], capture_output=True, text=True, check=False)
    return asked.stdout == "installed"


def _venv_works() -> bool:
    """Debian splits ``ensurepip`` off into python3-venv; without it ``python3 -m venv`` fails half-way."""
    return subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0


def system(packages: dict[str, str]) -> None:
    """Install missing system packages through apt when root or sudo is there, else say exactly which and stop."""
    if not sys.platform.startswith("linux"):
        return
    missing = missing_packages(packages)
    if not _venv_works():
        missing += [f"python{sys.version_info.major}.{sys.version_info.minor}-venv", "python3-pip"]
    if not missing:
        return
    prefix = _as_root()
    if prefix is None:
        needed = [name for name in missing if name not in WISHES]
        if not needed:
            say(f"Without these the system's own fonts are used: {' '.join(missing)}")
            return
        raise toolchain.SetupError(
            "These system packages are missing, and without root or sudo they are yours to install. Nothing was installed.\n"
            f"  apt-get install {' '.join(missing)}"
        )
    say(f"System packages: {' '.join(missing)}")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    subprocess.run([*apt, "update", "-qq"], check=True)
    install = [*apt, "install", "-y", "-qq", "--no-install-recommends"]
    subprocess.run([*install, *missing], check=True, stdout=subprocess.DEVNULL)


def _as_root() -> list[str] | None:
    """What to put before apt-get; None where this user cannot install."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    return ["sudo"] if shutil.which("sudo") else None


def _stamp(name: str, *inputs: bytes) -> tuple[Path, str]:
    return STAMPS / name, hashlib.sha256(b"\0".join(inputs)).hexdigest()


def _fresh(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text() == digest


def virtual_environment() -> None:
    """``.venv`` with this Python."""
    # pip comes last: where it is missing, an earlier run was cut off.
    if not PYTHON.exists() or not list(PYTHON.parent.glob("pip*")):
        say("Virtual environment: .venv")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    STAMPS.mkdir(exist_ok=True)


def packages(requirements: str) -> None:
    """Python packages, pinned with hashes, and ``azora`` itself on the path of the environment."""
    text = (ROOT / requirements).read_bytes()
    stamp, digest = _stamp(requirements, text, sys.version.encode())
    if _fresh(stamp, digest):
        return
    say(f"Python packages: {requirements}, checked by hash (some minutes the first time)")
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "install", "--quiet", "--require-hashes", "--progress-bar=on", "-r", str(ROOT / requirements)], check=True
    )
    _command()
    stamp.write_text(digest)


def _command() -> None:
    """``.venv/bin/azora``, which runs this checkout."""
    if os.name == "nt":
        (VENV / "Scripts" / "azora.cmd").write_text(f'@"{PYTHON}" "{ROOT / "main.py"}" %*\r\n')
        return
    command = VENV / "bin" / "azora"
    command.write_text(f'#!/bin/sh\nexec "{PYTHON}" "{ROOT / "main.py"}" "$@"\n')
    command.chmod(0o755)


def solidity() -> None:
    """The pinned compiler, node, test engine, contract library and icons from npm."""
    stamp, digest = _stamp("toolchain", toolchain.TABLE.read_bytes())
    if _fresh(stamp, digest) and toolchain.MODULES.is_dir():
        return
    say("Solidity toolchain and icons, checked by SHA-256")
    toolchain.install(PYTHON)
    stamp.write_text(digest)


def icons() -> None:
    """Compile the icons of ``resources/icons.txt`` into a Qt resource, ``:/icons/<name>.svg``."""
    names = (ROOT / "resources" / "icons.txt").read_text(encoding="utf-8").split()
    build = ROOT / "resources" / "build"
    stamp, digest = _stamp("icons", "\n".join(names).encode(), toolchain.TABLE.read_bytes())
    if _fresh(stamp, digest) and (build / "icons.rcc").is_file():
        return
    say(f"Icons: {len(names)}")
    assets = toolchain.MODULES / "@phosphor-icons" / "core" / "assets"
    entries = []
    for name in names:
        file = assets / ("fill" if name.endswith("-fill") else "regular") / f"{name}.svg"
        if not file.is_file():
            raise toolchain.SetupError(f"resources/icons.txt names “{name}”, which Phosphor does not have.")
        entries.append(f'<file alias="icons/{name}.svg">{escape(str(file))}</file>')
    build.mkdir(exist_ok=True)
    collection = build / "icons.qrc"
    collection.write_text("<RCC><qresource>" + "".join(entries) + "</qresource></RCC>", encoding="utf-8")
    compiler = PYTHON.parent / ("pyside6-rcc.exe" if os.name == "nt" else "pyside6-rcc")
    subprocess.run([str(compiler), "--binary", str(collection), "-o", str(build / "icons.rcc")], check=True)
    stamp.write_text(digest)


def main() -> int:
    """Do the parts that ``run`` or ``test`` needs, in order."""
    purpose = sys.argv[1] if len(sys.argv) > 1 else "run"
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs with whatever Python the machine has
        say(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Nothing was installed.")
        return 2
    began = time.monotonic()
    try:
        system({**RUN_PACKAGES, **(TEST_PACKAGES if purpose == "test" else {})})
        virtual_environment()
        if purpose == "test":
            packages("requirements-test.txt")
        elif not (STAMPS / "requirements-test.txt").exists():
            packages("requirements.txt")
        solidity()
        icons()
        # Compiled ahead: some machines forbid Python to write byte code when it runs, and would compile at every start.
        subprocess.run([str(PYTHON), "-m", "compileall", "-q", "app", "ui", "main.py"], cwd=ROOT, check=False)
    except toolchain.SetupError as error:
        say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        say(
            f"“{' '.join(map(str, error.cmd[:6]))} …” failed with code {error.returncode}; its words are above. Run the same again."
        )
        return 1
    spent = time.monotonic() - began
    if spent > 2:
        say(f"Set up in {spent:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
