"""Power and temperature of this machine, where it tells them; never guessed.

Linux: energy counters of the processor packages (``/sys/class/powercap``, readable by root on most systems) and the warmest
processor sensor (``/sys/class/hwmon``). Elsewhere, and in most virtual machines, nothing is told.
"""

from __future__ import annotations

import time
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
HWMON = Path("/sys/class/hwmon")
SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


class Power:
    """Watts since the last question, of all processor packages together."""

    def __init__(self, powercap: Path = POWERCAP, hwmon: Path = HWMON) -> None:
        self._packages = [path for path in sorted(powercap.glob("intel-rapl:*")) if path.name.count(":") == 1]
        self._hwmon = hwmon
        self._last: tuple[float, list[int]] | None = None

    def watts(self) -> float | None:
        """The mean since the call before; None at the first call, and where the machine does not tell."""
        energy = [_number(path / "energy_uj") for path in self._packages]
        if not energy or None in energy:
            return None
        now, told = time.monotonic(), [int(value or 0) for value in energy]
        last, self._last = self._last, (now, told)
        if last is None or now <= last[0]:
            return None
        joules = 0.0
        for path, before, after in zip(self._packages, last[1], told, strict=True):
            # The counter starts again at its range.
            span = after - before if after >= before else after - before + (_number(path / "max_energy_range_uj") or 0)
            joules += span / 1e6
        return joules / (now - last[0])

    def celsius(self) -> float | None:
        """The warmest processor sensor, or None."""
        found = [
            value / 1000
            for chip in self._hwmon.glob("hwmon*")
            if _text(chip / "name") in SENSORS
            for sensor in chip.glob("temp*_input")
            if (value := _number(sensor)) is not None
        ]
        return max(found, default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.lstrip("-").isdigit() else None
