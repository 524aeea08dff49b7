"""What a person does with money and with those who get it: the verbs of ``Wallets`` beyond accounts and keys.

Each verb is carried out by the part of this room that knows how; this class only says which.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.errors import Conflict
from app.core.money import parse_units, short_units
from app.operations.plans import Plan
from app.operations.steps import PlanKind
from app.wallets import payouts, receive
from app.wallets.activity import Activity, ActivityPage, AzrSource
from app.wallets.allowances import AllowanceList, Allowances, approve_data, unlimited
from app.wallets.coins import Coins
from app.wallets.contacts import Contact, Contacts, ImportReport
from app.wallets.holdings import Holding, Holdings
from app.wallets.keys import parse_address
from app.wallets.logs import Logs
from app.wallets.making import EVERYBODY
from app.wallets.recipients import Book, Recipients, contract_notes
from app.wallets.register import Register
from app.wallets.tokens import TokenInfo, Tokens
from app.wallets.transfers import MostAmount, TransferDraft, Transfers, call_data

if TYPE_CHECKING:
    from app.chain import Economy, Fees, Networks, Simulation, Transactions
    from app.core.events import Bus
    from app.core.jobs import Jobs
    from app.database import Database
    from app.operations import Operations
    from app.wallets.accounts import Account
    from app.wallets.payouts import PayoutCheck, PayoutRow


@dataclass(frozen=True, slots=True)
class Means:
    """The services that the parts of this room work with, and how to list the accounts."""

    database: Database
    operations: Operations
    networks: Networks
    simulation: Simulation
    transactions: Transactions
    fees: Fees
    economy_of: Callable[[str], Awaitable[Economy | None]]
    bus: Bus
    jobs: Jobs
    accounts: Callable[[], Awaitable[list[Account]]]


class Money(Register):
    """Contacts, payment requests, recipients and tokens. :class:`~app.wallets.service.Wallets` has these verbs."""

    _means: Means

    def _handle_money(self, means: Means) -> None:
        """Build the parts; called once, by the constructor of ``Wallets``."""
        self._means = means
        known = lambda: [network.id for network in means.networks.list()]  # noqa: E731 - read anew each time
        record = lambda kind, body, change: self._access.record(kind, body, change)  # noqa: E731
        self._contacts = Contacts(means.database, means.bus, means.accounts, known, record)
        self._recipients = Recipients(means.operations, means.accounts, self._contacts)
        self._tokens = Tokens(means.database, means.networks, means.economy_of)
        self._holdings = Holdings(means.networks, means.transactions, self._tokens)
        self._transfers = Transfers(
            means.networks, means.simulation, means.fees, means.economy_of, means.accounts, self._recipients, means.transactions
        )
        logs = Logs(means.database)
        self._allowances = Allowances(
            means.networks, means.simulation, means.fees, means.accounts, self._recipients, self._tokens, logs
        )
        self._coins = Coins(means.database, means.jobs, means.bus)
        self._activity = Activity(means, self._recipients, self._tokens, logs, self._coins)
        from app.wallets.paying import KIND, Payouts  # it takes the HTTP client with it, so not with the window

        self._payouts = Payouts(means, self._recipients)
        again = means.transactions.repeats
        for kind, part, undo, repeats in (
            (KIND, self._payouts, "A payment cannot be taken back.", again),
            ("wallets.transfer", self._transfers, "A transfer cannot be taken back.", again),
            ("wallets.approve", self._allowances, "", None),
            ("wallets.revoke", self._allowances, "", None),
        ):
            means.operations.register_kind(PlanKind(kind, part.preview, part.measure, EVERYBODY, undo, repeats))

    # Sending

    async def plan_transfer(self, draft: TransferDraft) -> Plan:
        """Plan a transfer of the native coin or of an ERC-20 token.

        The preview is simulated on the newest block and names it.

        Raises:
            Invalid: the token's address holds no token.
            NotFound: the sender is no account of this console.
            Unavailable: the network does not answer; nothing was stored.
        """
        sender = await self.get(draft.sender)
        chain = await self._networks.connect(draft.network_id)
        token = await self._tokens.info(chain, draft.token)
        to, data, value = call_data(draft)
        title = f"Send {token.symbol} from {sender.label}"
        params = {
            "network": chain.network.key.text,
            "network_id": draft.network_id,
            "sender": draft.sender,
            "recipient": draft.recipient,
            "amount": str(draft.amount),
            "token": draft.token,
            "symbol": token.symbol,
            "decimals": token.decimals,
            "token_name": token.name,
            "note": draft.note,
            "compared": draft.compared,
            **({"fee": dict(draft.fee)} if draft.fee else {}),
        }
        step = self._transactions.step(chain.network, draft.sender, to, data=data, value=value, title=title)
        return await self._operations.plan("wallets.transfer", title, chain.network.target(), params, [step])

    # Contacts: edits

    async def contacts(self) -> list[Contact]:
        """All contacts by label."""
        return await self._contacts.list()

    async def add_contact(self, label: str, address: str, note: str = "", network: str = "") -> Contact:
        """Keep a contact; ``network`` is the id of the only network on which it is meant, empty: everywhere.

        Raises:
            Invalid: the address or its checksum, the label, the note or the network cannot be right.
            Conflict: an account or a contact has this label, or a contact or account this address.
        """
        return await self._contacts.add(label, address, note, network)

    async def edit_contact(
        self,
        contact: str,
        *,
        label: str | None = None,
        address: str | None = None,
        note: str | None = None,
        network: str | None = None,
    ) -> Contact:
        """Change what is given of a contact (id or label). Raises as :meth:`add_contact`, and NotFound."""
        return await self._contacts.edit(contact, label=label, address=address, note=note, network=network)

    async def remove_contact(self, contact: str) -> Contact:
        """Forget a contact (id or label) and return it, so that it can be added again. Raises NotFound."""
        return await self._contacts.remove(contact)

    async def check_contacts(self, data: bytes | str) -> ImportReport:
        """What importing a CSV file with headings (label, address, note, network) would do, line by line; nothing is stored.

        Raises:
            Invalid: the file cannot be read for sure: no headings, not UTF-8, broken quotes, too large.
        """
        return await self._contacts.check(data)

    async def import_contacts(self, report: ImportReport) -> list[Contact]:
        """Add the new contacts of a report, all or none; see :meth:`ImportReport.without_problems`.

        Raises:
            Invalid: it has lines that cannot be taken.
            Conflict: a label or an address was taken since.
        """
        return await self._contacts.take(report)

    async def export_contacts(self) -> str:
        """All contacts as CSV in which no cell becomes a formula; importing it changes nothing."""
        return await self._contacts.export()

    async def resolve(self, address_or_label: str) -> str:
        """The address behind the label of an account or a contact, or the address itself when it is one.

        Raises:
            Invalid: neither a known label nor a well-formed address.
        """
        wanted = address_or_label.strip().casefold()
        contact = next((one for one in await self._contacts.list() if one.label.casefold() == wanted), None)
        return contact.address if contact is not None else await super().resolve(address_or_label)

    async def label(self, account_id: str, label: str) -> Account:
        """Give an account another label. An edit. Raises NotFound, Invalid, and Conflict when an account or contact has it."""
        await self._no_contact_has([((await self.get(account_id)).address, label)])
        return await super().label(account_id, label)

    async def _require_free(self, rows: Sequence[tuple[str, str, str]], *, watched_is_free: bool = True) -> None:
        await super()._require_free(rows, watched_is_free=watched_is_free)
        await self._no_contact_has([(address, label) for address, label, _ in rows])

    async def _no_contact_has(self, wanted: Sequence[tuple[str, str]]) -> None:
        contacts = {contact.label.casefold(): contact for contact in await self._contacts.list()}
        for address, label in wanted:
            contact = contacts.get(" ".join(label.split()).casefold())
            if contact is not None and contact.address != address:
                raise Conflict(
                    f"The label “{contact.label}” belongs to a contact. Nothing was changed.",
                    "Choose another label.",
                    field="label",
                )

    async def book(self) -> Book:
        """Everything known here about addresses: accounts, contacts, and who was paid; finds look-alikes."""
        return await self._recipients.book()

    # Asking for money

    def receive_uri(self, address: str, network_id: str, token: str = "", amount: int | None = None) -> str:
        """The EIP-681 URI that asks for a payment.

        Args:
            token: a contract's address; empty: the native coin.
            amount: in smallest units; None: the payer chooses.

        Raises:
            Invalid: a wrong address or amount.
        """
        return receive.build_uri(address, self._means.networks.get(network_id).chain_id, token, amount)

    def receive_qr(self, uri: str) -> list[list[bool]]:
        """The QR code of a URI as rows of modules, True for dark; the quiet zone of 4 modules is not in it."""
        return receive.receive_qr(uri)

    def parse_uri(self, text: str) -> receive.PaymentRequest:
        """Read an EIP-681 URI strictly.

        Raises:
            Invalid: it cannot be read for sure, or asks for something else than a payment.
        """
        return receive.parse_uri(text)

    # Tokens and what accounts hold of them

    async def tokens(self, network_id: str) -> list[TokenInfo]:
        """The native coin, AZR where there is an economy, and the added tokens. The network is not asked."""
        return await self._tokens.list(network_id)

    async def token_named(self, network_id: str, symbol: str) -> str:
        """The contract of a token of the list by its symbol. Raises NotFound."""
        return await self._tokens.named(network_id, symbol)

    async def add_token(self, network_id: str, address: str) -> TokenInfo:
        """Look at an ERC-20 token from now on, after asking its contract. An edit.

        Raises:
            Invalid: there is no ERC-20 contract at that address.
            Conflict: it is looked at already.
        """
        return await self._tokens.add(network_id, address)

    async def remove_token(self, network_id: str, address: str) -> TokenInfo:
        """Look at an added token no longer. An edit. Raises NotFound."""
        return await self._tokens.remove(network_id, address)

    async def assets(self, network_id: str, addresses: Sequence[str]) -> list[Holding]:
        """What accounts hold of every token of the network, account by account; read again on each ``HeadChanged``.

        Confirmed and newest figures are each of one block; what waits in this console's own queue stands apart.

        Raises:
            Unavailable: the network does not answer, or its newest block kept changing.
        """
        return await self._holdings.read(network_id, addresses)

    async def token(self, network_id: str, token: str = "") -> TokenInfo:
        """Symbol and decimals of a token by its contract's address; empty: the native coin.

        Raises:
            Invalid: there is no ERC-20 contract at that address.
        """
        chain = await self._means.networks.connect(network_id)
        return await self._tokens.info(chain, parse_address(token, "token") if token else "")

    async def parse_amount(self, network_id: str, token: str, text: str) -> int:
        """An amount as a person types it, in the smallest unit of the token (its contract's address; empty: the native coin).

        Raises:
            Invalid: no amount, more decimals than the token has, or more than a chain can hold.
        """
        info = await self.token(network_id, token)
        return parse_units(text, info.decimals, unit=info.symbol)

    async def max_amount(
        self, network_id: str, sender: str, token: str = "", recipient: str = "", fee: Mapping[str, str] | None = None
    ) -> MostAmount:
        """All that ``sender`` can send: a token's whole balance, or the native balance without the most that the fee may be.

        Raises:
            Invalid: the fee alone is more than the balance.
        """
        payee = parse_address(recipient, "recipient") if recipient else ""
        contract = parse_address(token, "token") if token else ""
        return await self._transfers.most(network_id, parse_address(sender, "sender"), payee, contract, fee or {})

    async def activity(
        self, network_id: str, account: str, before: str | None = None, limit: int = 100, further: int = 0
    ) -> ActivityPage:
        """What happened to an account on a network: what waits first, then what is in blocks, newest first.

        Args:
            account: an address.
            before: where the page begins: ``next`` of the page before.
            further: how many blocks before those that were read already are read now.

        Blocks are read for the native coin, which is in no index; where that takes long, the page names the job that does it.

        Raises:
            Unavailable: the network does not answer.
        """
        return await self._activity.page(network_id, account, before, max(1, min(limit, 1_000)), further)

    def use_azr_history(self, source: AzrSource) -> None:
        """Where AZR's indexed history comes from: another room, so the console says which."""
        self._activity.azr_source = source

    # Allowances

    async def allowances(self, network_id: str, owner: str, further: int = 0) -> AllowanceList:
        """Who may take the owner's tokens now, by Approval events and each contract's word.

        Args:
            further: how many blocks before those that were read already are read now, when older ones may be missing.

        Raises:
            Unavailable: the network does not answer; what was read before stays.
        """
        return await self._allowances.list(network_id, owner, further)

    async def plan_approve(
        self, network_id: str, owner: str, token: str, spender: str, amount: int, fee: Mapping[str, str] | None = None
    ) -> Plan:
        """Plan to let ``spender`` take up to ``amount`` (smallest unit) of a token; kind ``wallets.approve``.

        Raises:
            Invalid: a wrong address or amount, or no ERC-20 contract.
            NotFound: the owner is no account of this console.
        """
        return await self._plan_allowance("wallets.approve", network_id, owner, token, spender, amount, fee)

    async def plan_revoke(
        self, network_id: str, owner: str, token: str, spender: str, fee: Mapping[str, str] | None = None
    ) -> Plan:
        """Plan to take an allowance back; kind ``wallets.revoke``. Raises as :meth:`plan_approve`."""
        return await self._plan_allowance("wallets.revoke", network_id, owner, token, spender, 0, fee)

    async def _plan_allowance(
        self, kind: str, network_id: str, owner: str, token: str, spender: str, amount: int, fee: Mapping[str, str] | None
    ) -> Plan:
        account = await self.get(owner)
        params = await self._allowances.asked(network_id, account.address, token, spender, amount)
        if fee:
            params["fee"] = dict(fee)
        network, symbol = self._networks.get(network_id), str(params["symbol"])
        payee = str(params["spender"])
        name = (await self.book()).name(payee, network_id) or f"{payee[:6]}…{payee[-4:]}"
        much = f"all {symbol}" if unlimited(amount) else f"{short_units(amount, int(str(params['decimals'])))} {symbol}"
        title = (
            f"Let {name} take {much} of {account.label}"
            if amount
            else f"Take back what {name} may take of {account.label}’s {symbol}"
        )
        data = approve_data(payee, amount)
        step = self._transactions.step(network, account.address, str(params["token"]), data=data, title=title)
        return await self._operations.plan(kind, title, network.target(), params, [step])

    # Payouts

    async def check_payout(
        self, network_id: str, sender: str, data: bytes | str, token: str = "", compared: Collection[str] = ()
    ) -> PayoutCheck:
        """Read a CSV file of payments (headings address, amount and memo, in any order) and check each row; nothing is stored.

        Args:
            sender: account that pays: address, label or id.
            token: address of the ERC-20 contract; empty: the native coin.
            compared: look-alike addresses that were entered a second time from their source.

        Raises:
            Invalid: the file cannot be read for sure.
            NotFound: the sender is no account of this console.
            Unavailable: the network does not answer: which recipients are contracts cannot be told.
        """
        payer = (await self.get(sender)).address
        info = await self.token(network_id, token)
        again = [parse_address(address, "compared") for address in compared]
        book, accounts = await self.book(), await self._means.accounts()
        chain = await self._networks.connect(network_id)
        wanted = payouts.addresses(data, book, accounts, network_id, info)
        codes = await chain.rpc.batch([("eth_getCode", [address, "latest"]) for address in wanted]) if wanted else []
        economy = await self._means.economy_of(chain.network.key.text)
        contracts = contract_notes(dict(zip(wanted, map(str, codes), strict=True)), economy)
        return payouts.check(data, network_id, payer, info, book, accounts, again, contracts)

    async def plan_payout(
        self, check: PayoutCheck, fee: Mapping[str, str] | None = None, *, continue_on_failure: bool = False
    ) -> Plan:
        """Plan the payments of a checked file as one plan of kind ``wallets.payout``.

        Args:
            continue_on_failure: a payment that fails on the chain does not keep the others from being sent.

        Raises:
            Invalid: the file has rows that cannot be paid.
        """
        return await self._payouts.plan(check, fee or {}, continue_on_failure=continue_on_failure)

    async def plan_payout_rest(self, plan_id: str, fee: Mapping[str, str] | None = None, statement: str = "") -> Plan:
        """Plan what a payout that ended did not pay.

        What was signed is sent again as the same bytes, so that it happens once; what can no longer happen is signed anew.

        Args:
            statement: the operator's word that rows whose nonce was taken by a foreign transaction are to be paid all the same.

        Raises:
            Conflict: it has not ended, is continued already, paid everything, or some of its rows await confirmations
                or lost their nonce to a foreign transaction.
        """
        return await self._payouts.plan_rest(plan_id, fee or {}, statement)

    async def payout_rows(self, plan_id: str) -> list[PayoutRow]:
        """Every payment of a payout and what became of it, in the order of the file.

        Raises:
            Invalid: the plan is no payout.
        """
        return await self._payouts.rows(plan_id)

    async def payout_of(self, check: PayoutCheck) -> Plan | None:
        """The plan, not discarded, that pays the rows of a checked file, or the newest that continues it; None: there is none."""
        return await self._payouts.find(check)

    async def export_payout(self, plan_id: str) -> str:
        """The payments of a payout and what became of them as CSV, with exact amounts."""
        return await self._payouts.export(plan_id)
