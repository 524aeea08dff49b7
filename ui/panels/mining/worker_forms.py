"""The forms of proof of work: start and throttle a worker, power read off a meter, prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QSpinBox

from app.core.errors import Denied, Invalid
from app.core.secret import Secret
from ui.panels.mining.forms import NetworkForm
from ui.widgets import AccountCombo, Field, Note, forget, line_edit, password_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.mining.work import Worker
    from ui.shell.panel import Panel

MOST_THREADS = 1024


class StartForm(NetworkForm):
    """A worker on this machine: a plan where this console started the network, else at once, with the passphrase."""

    title = "Start a worker"

    def __init__(self, panel: Panel, threads: int = 0, reason: str = "") -> None:
        super().__init__(panel)
        from app.mining.kernel import cores

        console = panel.bridge.console
        network = console.networks.current
        self._reason = reason
        self.planned = bool(network and network.own)
        self.primary = "Preview" if self.planned else "Start worker"
        self.account = AccountCombo("mining.worker.account", panel.bridge)
        self.threads = _number("mining.worker.threads", "Threads", 1, MOST_THREADS, threads or cores())
        self.throttle = _number("mining.worker.throttle", "Share of the time in percent", 1, 100, 100)
        self.throttle.setSuffix(" %")
        self.passphrase = password_edit("mining.worker.passphrase", "Console passphrase")
        asks = not self.planned and console.access.passphrase_set
        if reason:
            self.column.addWidget(Note("info", reason))
        self.column.addWidget(Field("Account", self.account, "Gets the rewards, signs the solutions and pays their fees"))
        self.column.addWidget(Field("Threads", self.threads, f"This machine has {cores()} cores for it"))
        self.column.addWidget(Field("Throttle", self.throttle, "Share of the time in which the threads search"))
        self.guard = Field("Console passphrase", self.passphrase, "The worker signs while nobody looks on")
        self.column.addWidget(self.guard)
        self.guard.setVisible(asks)
        self.column.addWidget(Note("info", "It runs at the lowest priority and ends with this console."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, account = self.network_id(), self.account.address()
        threads, percent = self.threads.value(), self.throttle.value()
        secret = Secret(self.passphrase.text()) if self.passphrase.text() else None
        work, reason = self.panel.bridge.console.work, self._reason
        if not self.planned:
            forget(self.passphrase)

            async def start() -> Any:
                return await work.start_worker(network, account, threads=threads, throttle=percent, passphrase=secret)

            return start

        async def plan() -> Any:
            from app.mining.work import Act

            return await work.plan_order(network, Act.START, account=account, threads=threads, percent=percent, reason=reason)

        return plan

    def show_error(self, error: Any) -> bool:
        if isinstance(error, Denied) and self.guard.isVisibleTo(self):
            self.clear_errors()
            self.guard.set_error(str(error))
            self.passphrase.setFocus()
            return True
        return super().show_error(error)

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"{result.title}: started. It ends with its job, or when it is told to stop.", "ok", result.link)
        self.panel.refresh()


class ThrottleForm(NetworkForm):
    """Another share of the time for a worker, on whatever machine."""

    def __init__(self, panel: Panel, worker: Worker) -> None:
        super().__init__(panel)
        self._worker = worker
        self.title = f"Throttle {worker.name}"
        self.percent = _number("mining.throttle.percent", "Share of the time in percent", 1, 100, worker.throttle or 100)
        self.percent.setSuffix(" %")
        self.column.addWidget(Field("Throttle", self.percent, f"Now {worker.throttle} % of the time"))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, percent, worker = self.network_id(), self.percent.value(), self._worker
        work = self.panel.bridge.console.work

        async def plan() -> Any:
            from app.mining.work import Act

            return await work.plan_order(network, Act.THROTTLE, worker.id, percent=percent)

        return plan


class PowerForm(NetworkForm):
    """Watts that somebody read off a meter; they are shown as entered."""

    context = "Shown as entered; a machine that measures itself writes over it"
    primary = "Keep"
    planned = False

    def __init__(self, panel: Panel, worker: Worker) -> None:
        super().__init__(panel)
        self._worker = worker
        self.title = f"Power of {worker.name}"
        self.watts = line_edit("mining.power.watts", "Power in watts")
        if worker.watts is not None:
            self.watts.setText(f"{worker.watts:g}")
        self.column.addWidget(Field("Power", self.watts, "Watts while it searches; empty: not known"))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        text, worker, work = self.watts.text().strip(), self._worker, self.panel.bridge.console.work
        try:
            watts = float(text) if text else None
        except ValueError:
            raise Invalid("Power is a number of watts. Nothing was changed.", "Write 95 or 95.5.", field="watts") from None
        return lambda: work.enter_watts(worker.id, watts)

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"The power of {self._worker.name} was entered.", "ok")


class PricesForm(NetworkForm):
    """What AZR and a kilowatt-hour are worth: profit rests on them, and says that they were entered."""

    title = "Prices"
    context = "Settings of this console; figures that rest on them say so"
    primary = "Keep"
    planned = False

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        entered = panel.bridge.console.settings.value.mining
        self.azr = line_edit("mining.prices.azr_price", "Price of one AZR")
        self.energy = line_edit("mining.prices.energy_price", "Price of a kilowatt-hour")
        self.rate = line_edit("mining.prices.redemption_rate", "What the bank pays for one AZR")
        self.currency = line_edit("mining.prices.currency", "Currency")
        for edit, text in (
            (self.azr, entered.azr_price),
            (self.energy, entered.energy_price),
            (self.rate, entered.redemption_rate),
            (self.currency, entered.currency),
        ):
            edit.setText(text)
        self.column.addWidget(Field("Price of AZR", self.azr, "For one AZR, such as 0.28; empty: not known"))
        self.column.addWidget(Field("Energy price", self.energy, "For a kilowatt-hour; empty: not known"))
        self.column.addWidget(Field("Redemption rate", self.rate, "What is paid for one redeemed AZR; empty: not compared"))
        self.column.addWidget(Field("Currency", self.currency, "Of all three: three letters of ISO 4217, such as EUR"))
        self.column.addWidget(Note("info", "Nothing is looked up. Where a price is missing, no profit is shown."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        from pydantic import ValidationError

        from app.core.settings import MiningSetting

        wanted = {
            "azr_price": self.azr.text().strip(),
            "energy_price": self.energy.text().strip(),
            "redemption_rate": self.rate.text().strip(),
            "currency": self.currency.text().strip().upper(),
        }
        try:
            MiningSetting.model_validate(wanted)  # all or none
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            words = (
                ("A currency is three letters.", "Write EUR or USD.")
                if field == "currency"
                else ("A price is a number.", "Write 0.28, or leave it empty.")
            )
            raise Invalid(f"{words[0]} Nothing was changed.", words[1], field=field) from None
        console = self.panel.bridge.console

        async def keep() -> None:
            for name, value in wanted.items():
                await console.change_setting(f"mining.{name}", value)

        return keep

    def finished(self, result: Any) -> None:
        self.panel.window_.notify("The prices were kept.", "ok")
        self.panel.refresh()


def _number(name: str, spoken: str, low: int, high: int, value: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(low, high)
    made.setValue(value)
    made.setObjectName(name)
    made.setAccessibleName(spoken)
    return made
