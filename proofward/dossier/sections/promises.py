"""Sections on what the proofs show, what stays private, and what is not shown at all."""

from __future__ import annotations

from proofward.dossier.parts.paper import Block, Fact, Facts, Listing, Section, Words, fact
from proofward.dossier.record.evidence import Evidence
from proofward.federation.history.steps.consent import most_releases
from proofward.lattice.security import security_margin
from proofward.privacy.words import (
    assumption,
    consequences,
    large_delta,
    mechanism,
    neighbours,
    promise,
    spent,
)
from proofward.proof.soundness import LEAST_POLICY_BITS

NOT_SHOWN = (
    "That records are true, complete, of real patients, or of whom the data sheets say. A hospital may enrol "
    "false or copied records; it cannot change them afterwards.",
    "That the model is good, safe or fair, for the whole or for any group, unless figures of an evaluation "
    "on the ledger say so, and then as far as they are proved there.",
    "That legal names, purposes, data sheets and versions of software are true: they are signed words.",
    "Times by a clock from outside: host and members together could have written others.",
    "Who, as a person, gave a command at a site, or looked at records there. The ledger knows members' keys.",
    "What happens to the model after the last round: its use, its changes, and its effects on patients.",
    "That a site's machine was in order, beyond what evidence of it says where the rules ask for that. Who "
    "controls it sees all that is at that site.",
    "That this is the federation one was told of, unless the fingerprint is compared with a member's.",
)


EXACT = (
    "That the sums and models give nothing away: they are exact, and known to all members. Experiments can "
    "tell from them, to some degree, whether a record was among those trained on."
)
NOISY = (
    "That which records are of one patient is told rightly, that the hospitals' machines kept the noise to "
    "themselves, and that the records are in no other federation: budgets of several add up."
)
COUNTS = "That the counts of evaluations and statistics are private: they are exact, outside the budget."


def promises(found: Evidence) -> Section:
    """Soundness and privacy, with the figures of these rules."""
    history, rules = found.history, found.history.rules
    bits = rules.config.security_bits
    counts = found.summary.counts()
    proofs = sum(counts[check]["passed"] for check in ("enrolment-proof", "round-proof") if check in counts)
    error = f"at most 2^-{bits} for each of the {proofs} accepted proofs"
    soundness = (
        fact("What an accepted proof shows", "The update is the agreed training on the enrolled records, in "
             "the order that was drawn, weighted and clipped as agreed, and it is what was encrypted."),
        fact("Chance that a false proof passes", error),
        fact("Rests on", "theorems on Reed-Solomon codes and sumchecks, and SHA-256 as a random oracle; no "
             "trusted set-up"),
        fact("Verified again for this report", f"{proofs} proofs, every sum, every model"),
    )  # fmt: skip
    threshold = rules.collusion
    estimate = f"{security_margin().primal_bits:.0f} bits by the primal attack, an estimate"
    privacy = (
        fact("What members learn", "rules, numbers of records, who took part, every sum and every model"),
        fact(
            "What nobody learns",
            f"a single hospital's update, while at most {threshold} of the others collude",
        ),
        fact("Two sums from one model", f"need {rules.colluding_holders} dishonest hospitals and the host"),
        fact("Fewest hospitals in a sum", rules.minimum_updates),
        fact(
            "Proofs", "zero knowledge: they tell nothing of records, updates or losses beyond what they prove"
        ),
        fact("Encryption of updates", estimate),
        *_differential(found),
    )
    blocks: list[Block] = [Facts("Soundness", soundness), Facts("Privacy", privacy)]
    if bits < LEAST_POLICY_BITS:
        words = (
            f"These rules demand {bits} bits only, fewer than {LEAST_POLICY_BITS}: such proofs can be forged."
        )
        blocks.insert(0, Words((f"{words} They are rules for tests.",), "bad"))
    if not history.closed:
        blocks.append(Words(("No round was closed, so there is no sum to speak of.",), "weak"))
    return Section("promises", "What is proved, and what stays private", tuple(blocks))


def _differential(found: Evidence) -> tuple[Fact, ...]:
    """(epsilon, delta) as promised and as spent, and on what they rest."""
    accountant = found.history.rules.accountant
    if accountant is None:
        return (fact("Differential privacy", "none: sums are exact"),)
    own = spent(accountant, most_releases(found.history))
    delta = large_delta(accountant, found.history.all_rows)
    return (
        fact("Differential privacy", (promise(accountant), own)),
        fact("It rests on", (assumption(accountant), neighbours(accountant), *delta)),
        fact("Mechanism", mechanism(accountant)),
        fact("Beside it", tuple(consequences(accountant))),
    )


def not_shown(found: Evidence) -> Section:
    """What nobody should read into the report."""
    rules = found.history.rules
    own = [EXACT] if rules.accountant is None else [NOISY, COUNTS] if rules.counting else [NOISY]
    return Section("not-shown", "What is NOT shown", (Listing((*own, *NOT_SHOWN)),))
