"""One log: JSON lines in the home, words on the terminal when asked; nothing secret in either.

Redaction works on the finished line, after every formatter, so that neither a careless argument nor a foreign library's
message gets past it.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

from app.core.errors import Locked
from app.core.paths import Home
from app.core.secret import MASK, living

_TAGGED = re.compile(
    r"""(?ix)
    (["']?\b[\w.-]*(?:private[_ -]?key|secret|passphrase|password|passwd|mnemonic|recovery[_ -]?phrase
      |seed|api[_-]?key|token_?secret)["']?
      \s*[:=]\s*)
    ("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;}\]]+)
    """
)
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)([^/\s:@]*):([^/\s@]+)@")
_WORDS = re.compile(r"\b[a-z]{3,8}\b(?:[\s,]+\b[a-z]{3,8}\b){7,}")
_RUN = 8  # consecutive BIP-39 words that no longer look like prose


def redact(text: str) -> str:
    """The text without what must not be kept.

    Hidden are: every secret now in memory (as text, hex or base64), values tagged as key, secret, passphrase, password, seed or
    mnemonic, the password of a URL, and runs of eight or more BIP-39 words. Hashes and addresses stay.
    """
    for secret in living():
        try:
            forms = _forms(secret.reveal(), secret.reveal_bytes())
        except Locked:  # wiped by another thread just now
            continue
        for form in forms:
            if form in text:
                text = text.replace(form, MASK)
    text = _USERINFO.sub(rf"\1\2:{MASK}@", text)
    text = _TAGGED.sub(lambda hit: hit.group(1) + _quoted(hit.group(2)), text)
    return _WORDS.sub(lambda hit: _hide_phrases(hit.group(0)), text)


def setup(home: Home, verbose: bool = False) -> None:
    """Send the program's log to ``logs/azora.log`` of the home (rotated at 4 MiB, three kept), and to stderr when verbose."""
    import structlog

    home.logs.mkdir(parents=True, exist_ok=True)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    file = logging.handlers.RotatingFileHandler(
        home.logs / "azora.log", maxBytes=4 * 2**20, backupCount=3, encoding="utf-8", delay=True
    )
    file.setFormatter(
        _Redacting(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _json_line,
            ],
        )
    )
    handlers: list[logging.Handler] = [file]
    if verbose:
        terminal = logging.StreamHandler(sys.stderr)
        terminal.setFormatter(
            _Redacting(
                foreign_pre_chain=shared,
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
                ],
            )
        )
        handlers.append(terminal)
    root = logging.getLogger()
    for old in list(root.handlers):
        if getattr(old, "azora", False):
            root.removeHandler(old)
            old.close()
    for handler in handlers:
        handler.azora = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for chatty in ("asyncio", "aiohttp", "alembic", "keyring", "sqlalchemy", "web3", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _json_line(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps(event, default=str, ensure_ascii=False)


class _RedactingBase:
    """Mixed in before the structlog formatter; redacts what it made."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))  # type: ignore[misc]


def _Redacting(**options: Any) -> logging.Formatter:
    import structlog

    made = type("Redacting", (_RedactingBase, structlog.stdlib.ProcessorFormatter), {})
    formatter: logging.Formatter = made(**options)
    return formatter


def _forms(text: str, raw: bytes) -> list[str]:
    import base64

    if len(raw) < 4:  # masking so short a text would tear ordinary words apart
        return []
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    forms = {text, escaped, raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return sorted((form for form in forms if len(form) >= 4), key=len, reverse=True)


def _quoted(value: str) -> str:
    return value[0] + MASK + value[0] if value[:1] in "\"'" else MASK


@lru_cache(maxsize=1)
def _wordlist() -> frozenset[str]:
    from importlib.resources import files

    try:
        return frozenset(files("mnemonic").joinpath("wordlist/english.txt").read_text("ascii").split())
    except (ModuleNotFoundError, FileNotFoundError):
        return frozenset()


def _hide_phrases(text: str) -> str:
    words = _wordlist()
    tokens = re.split(r"([\s,]+)", text)
    hidden: list[str] = []
    run: list[str] = []

    def flush() -> None:
        count = sum(1 for token in run if token.isalpha())
        hidden.extend([MASK, *([run[-1]] if not run[-1].isalpha() else [])] if count >= _RUN else run)
        run.clear()

    for token in tokens:
        if token in words or (run and token and not token.isalpha()):
            run.append(token)
        else:
            if run:
                flush()
            hidden.append(token)
    if run:
        flush()
    return "".join(hidden)


def redact_mapping(data: Mapping[str, object]) -> dict[str, object]:
    """A flat copy for a crash report: tagged keys masked, texts redacted."""
    tagged = re.compile(r"(?i)key|secret|pass|seed|mnemonic|token")
    return {key: MASK if tagged.search(key) else redact(str(value)) for key, value in data.items()}
