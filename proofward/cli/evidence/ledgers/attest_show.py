"""`proofward attest show`: the evidence on a ledger, and what verifiers say of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.evidence_options import NOW, TODAYS, Todays, today

if TYPE_CHECKING:
    from proofward.federation.history.history import History
    from proofward.federation.history.state.history_state import HistoryState


@click.command()
@click.argument("source", metavar="RUN_OR_KIT", type=click.Path(exists=True, file_okay=False, path_type=Path))
@NOW
@TODAYS
@JSON
def show(source: Path, now: bool, todays: Todays, as_json: bool) -> None:
    """Say whose machines have shown evidence, what it claims, and which verifiers accept it.

    Where the evidence itself is at hand, as in a run's folder, it is verified again as of when it was shown.
    """
    from proofward.federation.messages.basics.refusal import Refusal
    from proofward.ledger.errors import LedgerError
    from proofward.report.handover.models.model_source import NoModel, NotASource, followed_so_far

    asked = today(now, todays)
    with answering(as_json):
        try:
            history, objects = followed_so_far(source)
        except (NoModel, NotASource) as error:
            raise Refused(str(error)) from error
        policy = history.rules.attestation
        if policy is None:
            tell({"rules": None, "members": []}, ["the rules ask for no evidence of machines"], as_json)
            return
        from proofward.federation.parties.checking.evidence_audit import CHECK, EvidenceAudit

        looked = EvidenceAudit(history, objects, asked)
        lines, members = [policy.words], []
        for (member, _), said in history.attestations.items():
            try:
                found = [verdict.detail for verdict in looked.examine(said.envelope, CHECK)]
            except (Refusal, LedgerError) as error:
                found = [f"not judged: {error}"]
            words = [words_on(history, member, said.digest), *found]
            members.append({"member": member, "key": said.record.key.hex(), "words": words})
            lines += [
                f"{member}, key {said.record.key.hex()[:16]}: {words[0]}",
                *(f"  {word}" for word in found),
            ]
        lines += [f"{name} is barred from enrolling: {reason}" for name, reason in _barred(history).items()]
        tell({"rules": policy.words, "members": members, "barred": _barred(history)}, lines, as_json)


def _barred(history: History) -> dict[str, str]:
    from proofward.federation.history.steps.attestation import barred

    return barred(history)


def words_on(history: HistoryState, member: str, digest: bytes) -> str:
    """Who accepts and who refuses a member's evidence, and why."""
    votes = sorted(history.attestation_verdicts.get(digest, {}).items())
    accepting = [name for name, vote in votes if vote.accepted]
    refusing = [f"{name}: {vote.check}, {vote.detail}" for name, vote in votes if not vote.accepted]
    words = [f"accepted by {', '.join(accepting)}"] if accepting else []
    words += [f"refused by {text}" for text in refusing]
    return "; ".join(words) or "not judged yet"
