"""Seconds and bytes of each role in a round of n hospitals: products of measured numbers, named as such.

Nothing here is a measurement. Each product is of a count that the rules give (n hospitals, c holders, s of v
verifiers, the parameters of the network) and of a constant that `scale.py` has measured in the same run.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil

from _scale_heads import Followed
from _scale_runs import COMMITTEES, EVERYBODY

from proofward.federation.messages.consortium.committees import chosen
from proofward.federation.messages.consortium.usual import usual_threshold
from proofward.federation.parties.checking.proof_judge import MOST_TOGETHER
from proofward.lattice.sealing import PUBLIC_KEY_BYTES

CORRUPT, ABSENT = 20, 10


@dataclass(frozen=True)
class Constants:
    """What one of a thing costs. Seconds are of a processor.

    prove, verify: a proof of a round. seal, open_share: one share of a key. entry: to decode a signed message
    and check its signature. among: the same of a verdict among many in one message. add: to add one
    ciphertext to a sum. proof_bytes: without what grows with t. bytes_a_coefficient: of a proof, for each of
    the t polynomials of a key that it commits to
    verdict_bytes: of a verdict's entry without the 16 bytes for each of t + 1 polynomials. together_bytes: of
    a verdict among others in one entry, likewise. key_bytes: of a holder's sealing key for one dealer, in an
    entry. root_bytes: of an entry with a root of keys that are objects. other_entries, other_bytes: of a
    hospital in a round, everything but verdicts and keys. model_bytes: of a model, which each fetches
    """

    prove: float
    verify: float
    seal: float
    open_share: float
    entry: float
    among: float
    add: float
    proof_bytes: int
    bytes_a_coefficient: int
    sealed_bytes: int
    ciphertext_bytes: int
    verdict_bytes: int
    together_bytes: int
    key_bytes: int
    root_bytes: int
    other_entries: float
    other_bytes: int
    model_bytes: int


@dataclass(frozen=True)
class Consortium:
    """c hold shares with threshold t; s of v verifiers judge a proof."""

    hospitals: int
    verifiers: int
    holders: int
    threshold: int
    sample: int


def consortium(hospitals: int, verifiers: int, way: str) -> Consortium:
    """With everybody, or with the committees that keep the policy at the usual shares."""
    if way == EVERYBODY:
        return Consortium(hospitals, verifiers, hospitals, usual_threshold(hospitals), verifiers)
    committees, threshold = chosen(hospitals, verifiers, CORRUPT, ABSENT)
    return Consortium(hospitals, verifiers, committees.holders, threshold, committees.sample)


def costs(of: Consortium, cost: Constants, way: str, light: Followed | None = None) -> dict[str, object]:
    """Seconds and bytes by role, with the product that each is, as text.

    With everybody, keys are in entries and verdicts are entries. With committees keys are objects, of which a
    dealer fetches one with its path, and a verifier's verdicts are a few entries. Following is entries entry,
    and with committees n s among besides. light: what a hospital is sent and does that follows heads and
    holds no shares
    """
    n, c, t, apart = of.hospitals, of.holders, of.threshold, way == COMMITTEES
    judged = n * of.sample / of.verifiers
    proof = cost.proof_bytes + t * cost.bytes_a_coefficient
    upload = proof + c * cost.sealed_bytes + cost.ciphertext_bytes
    own_verdict = (cost.together_bytes if apart else cost.verdict_bytes) + 16 * (t + 1)
    messages = of.verifiers * ceil(judged * own_verdict / MOST_TOGETHER) if apart else n * of.sample
    entries = round(n * (cost.other_entries + 1) + messages)
    follow = entries * cost.entry + (n * of.sample * cost.among if apart else 0)
    fetched = cost.ciphertext_bytes * (1 if way == COMMITTEES else n)
    summed = 0.0 if way == COMMITTEES else n * cost.add
    keys = c * PUBLIC_KEY_BYTES if apart else 0
    own_keys_said = cost.root_bytes if apart else c * cost.key_bytes
    ledger = n * (cost.other_bytes + of.sample * own_verdict + own_keys_said)
    own_keys = keys + c * 32 * (n - 1).bit_length() if apart else 0
    kept = proof + cost.ciphertext_bytes + (0 if way == COMMITTEES else c * cost.sealed_bytes)
    roles: dict[str, dict[str, object]] = {
        "hospital": {
            "seconds": cost.prove + c * cost.seal + follow + summed,
            "bytes_out": upload,
            "bytes_in": ledger + fetched + own_keys,
            "product": "prove + c seal + following (+ n add where all are added up); ledger and c keys",
        },
        "holder, besides": {
            "seconds": n * cost.open_share,
            "bytes_in": n * cost.sealed_bytes,
            "product": "n open_share; n sealed_bytes",
        },
        "verifier": {
            "seconds": judged * cost.verify + follow,
            "bytes_in": judged * (proof + cost.ciphertext_bytes) + ledger,
            "product": "(n s / v) verify + following",
        },
        "server": {
            "seconds": n * cost.add + follow,
            "bytes_in": n * (upload + keys) + ledger,
            "bytes_kept": n * kept + ledger,
            "bytes_in_for_each_hospital": upload + keys + ledger / n,
            "bytes_kept_for_each_hospital": kept + ledger / n,
            "product": "n add + following; ledger + n (proof + c sealed + ciphertext + c keys), kept "
            "without shares and keys",
        },
    }
    if light is not None:
        roles["light hospital"] = {
            "seconds": cost.prove + c * cost.seal + light.seconds,
            "bytes_out": upload,
            "bytes_in": light.bytes + cost.model_bytes + light.root_bytes + own_keys,
            "bytes_in_to_follow": light.bytes + cost.model_bytes,
            "product": "prove + c seal + answers (measured); answers (measured), a model; besides, as every "
            "hospital, roots and c keys with their paths",
        }
        roles["server"]["seconds_besides_for_heads"] = n * light.answering
    sizes = {"entries": entries, "ledger_bytes": round(ledger), "proof_bytes": proof}
    return {"way": way, **asdict(of), **sizes, "roles": roles}
