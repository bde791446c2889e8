"""What rules promise, what it rests on and what is spent of it, for people; the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, Context, Decimal
from math import inf

from proofward.privacy.accountant import MOST_EPSILON, Accountant, for_patients

NO_PRIVACY = "no differential privacy: sums are exact"
EXACT_COUNTS = "counts are exact and outside the privacy budget: not private"
NOISY_COUNTS = "counts have noise, and are within the privacy budget"
_NOTHING = 1e-9
"""Of an epsilon: what its computation may add to it."""
USEFUL_HOSPITALS = 50
"""With fewer in every sum, protection of whole hospitals leaves little (docs/privacy.md)."""


def shown(epsilon: float) -> str:
    """An epsilon with three digits, rounded up."""
    if epsilon == inf:
        return f"above {MOST_EPSILON:g}, which promises nothing"
    exact = Decimal(epsilon * (1 - _NOTHING))
    return f"{float(Context(prec=3, rounding=ROUND_CEILING).plus(exact)):.3g}"


def pair(accountant: Accountant, epsilon: float) -> str:
    """(epsilon, delta) in words."""
    return f"epsilon {shown(epsilon)}, delta {accountant.delta:.3g}"


def neighbours(accountant: Accountant) -> str:
    """What the promise compares."""
    if accountant.privacy.of_hospitals:
        return (
            "neighbours are two federations that differ in one hospital, all of whose records are replaced "
            "by as many others; that it takes part, and with how many records, is public"
        )
    return "neighbours are two data sets of one hospital that differ in one record, replaced by another"


def few_hospitals(accountant: Accountant | None) -> list[str]:
    """A warning where hospitals are protected that are too few for it to leave anything."""
    if accountant is None or not accountant.privacy.of_hospitals:
        return []
    found = accountant.minimum_updates
    if found >= USEFUL_HOSPITALS:
        return []
    return [
        f"protection of whole hospitals in sums of {found}: with fewer than about {USEFUL_HOSPITALS} noise "
        'drowns most of what they learn together (docs/privacy.md); granularity = "record" protects records'
    ]


def limit_of_delta(accountant: Accountant) -> str:
    """How many may be protected with this delta."""
    protected = "hospitals" if accountant.privacy.of_hospitals else "records of all hospitals"
    return (
        f"delta is meant for fewer than {accountant.privacy.inverse_delta:,} {protected}: with more, to give "
        "one away whole would keep the promise"
    )


def large_delta(accountant: Accountant | None, rows: Iterable[int]) -> list[str]:
    """A warning where so many are protected that delta is not below one in all.

    rows: of each hospital that has enrolled.
    """
    if accountant is None:
        return []
    rows, own = list(rows), accountant.privacy
    found, protected = (len(rows), "hospitals") if own.of_hospitals else (sum(rows), "records")
    if found < own.inverse_delta:
        return []
    return [
        f"delta {accountant.delta:.3g} is not below one in all {found:,} {protected}: to give one of them "
        "away whole would keep the promise"
    ]


def whose(accountant: Accountant) -> str:
    """What is protected."""
    if accountant.privacy.of_hospitals:
        return "each hospital with all its records"
    records = accountant.privacy.records_a_patient
    return "each record" if records == 1 else f"each patient of at most {records} records at a hospital"


def promise(accountant: Accountant | None) -> str:
    """The rules' promise in one line; of rules with exact sums that there is none."""
    if accountant is None:
        return NO_PRIVACY
    releases = accountant.privacy.releases
    given = pair(accountant, accountant.promised)
    return f"differential privacy of {given} for {whose(accountant)} in all {releases} releases"


def assumption(accountant: Accountant) -> str:
    """On what the promise rests."""
    colluders = accountant.privacy.colluders
    if colluders == 0:
        return "it holds while no hospital of a sum tells its noise to the reader"
    named = "one hospital" if colluders == 1 else f"{colluders} hospitals"
    tell = "tells its" if colluders == 1 else "tell their"
    return f"it holds while at most {named} of a sum of {accountant.minimum_updates} or more {tell} noise"


def mechanism(accountant: Accountant) -> str:
    """What is done to updates."""
    own = accountant.privacy
    clip = 2.0**own.clip_bits
    noise = accountant.deviation / accountant.clip_units * clip
    if own.of_hospitals:
        return (
            f"the update of each hospital is clipped to {clip:g}, and all weigh the same; to its update each "
            f"hospital adds noise of the deviation {noise:.4g} in every entry, and proves both"
        )
    return (
        f"the gradient of each record is clipped to {clip:g}; to their sum each hospital adds noise of the "
        f"deviation {noise:.4g} in every entry, and proves it"
    )


def consequences(accountant: Accountant) -> list[str]:
    """What else the rules come to."""
    alone = (
        f"epsilon against who knows nobody's noise: {shown(accountant.without_colluders)}; of all updates of "
        f"a hospital opened alone: {shown(accountant.opened_alone)}"
    )
    if accountant.privacy.of_hospitals:
        return [alone, "what is promised of a hospital holds of each of its records and patients"]
    others = [f"of {records} records {shown(own)}" for records, own in for_patients(accountant)]
    return [
        alone,
        f"epsilon for a patient {', '.join(others)}; which records are of one patient, hospitals say",
    ]


def in_words(accountant: Accountant | None) -> list[str]:
    """All of it, for who joins and for who has made the rules."""
    if accountant is None:
        return [NO_PRIVACY]
    return [
        promise(accountant),
        f"{assumption(accountant)}; {neighbours(accountant)}",
        mechanism(accountant),
        *consequences(accountant),
        f"a hospital signs at most {accountant.privacy.releases} sums, over all attempts, and then no more",
        limit_of_delta(accountant),
        *few_hospitals(accountant),
    ]


def spent(accountant: Accountant, releases: int) -> str:
    """What so many releases have spent."""
    if releases == 0:
        return f"nothing spent of {accountant.privacy.releases} releases"
    given = pair(accountant, accountant.spent(releases))
    return f"{given} spent, by {releases} of {accountant.privacy.releases} releases"
