"""What is written of a state, field by field: every field of the state's three classes has its line here.

What is left out follows from the rest: caches, and of a round the verifiers that its beacon draws.
"""

from __future__ import annotations

from typing import Annotated

from proofward.encoding import Range
from proofward.federation.history.saved.codecs import (
    Codec,
    ascending,
    by_subject,
    mapped,
    one,
    pairs,
    plain,
    recorded,
    said,
    votes,
)
from proofward.federation.history.saved.field_codecs import (
    admitted_members,
    beacon_shares,
    digests_of_objects,
    evidence_verdicts,
    fingerprint_values,
    key_changes,
    keyed,
    listed,
    passed_findings,
    phase,
    proofs,
    refusals,
    round_outcomes,
    round_seals,
    verdicts_on_uploads,
    vote_to_admit,
    vote_to_end,
    with_key,
)
from proofward.federation.messages.basics.field_types import Count, Digest, MaybeDigest, Name, Names, Roots
from proofward.federation.messages.records import catalogue as m

_COUNT, _DIGEST, _NAMES = plain(Count), plain(MaybeDigest), plain(Names)
_NAME_SET = ascending(Name, frozenset)
_ROUND_NAMES = plain(tuple[tuple[Count, Name], ...])

ROUND: dict[str, Codec] = {
    "number": _COUNT,
    "attempt": _COUNT,
    "model": _DIGEST,
    "participants": _NAMES,
    "beacon": _DIGEST,
    "committee": _NAMES,
    "drawable": _NAME_SET,
    "widened": ascending(Name, set),
    "holder_keys": said((m.HolderKeys, m.HolderKeyRoot)),
    "present": _NAMES,
    "uploads": recorded(m.Upload),
    "uploaded": _NAMES,
    "verdicts": verdicts_on_uploads(),
    "passed": passed_findings(),
    "receipts": said(m.VerdictReceipt, by_subject),
    "complaints": votes(m.ShareComplaint, whole=True),
    "complaint_verdicts": votes(m.ComplaintVerdict),
    "checked": said(m.SharesChecked),
    "accepted": one(m.AcceptedSet),
    "consents": said(m.Consent),
    "locks": said(m.Lock),
    "withdrawn": _NAMES,
    "abandonments": said(m.Abandonment),
    "share_sums": said(m.ShareSum),
    "aggregate": one(m.Aggregate),
    "fingerprints": fingerprint_values(),
    "confirmations": said(m.Confirmation),
}
"""Of RoundState; `samples` follow from the beacon."""
BEACON: dict[str, Codec] = {
    "holders": _NAMES,
    "missing": _COUNT,
    "deals": said(m.BeaconDeal),
    "dealers": _NAMES,
    "vouches": said(m.BeaconVouch),
    "counted": _NAMES,
    "shares": beacon_shares(),
    "beacon": _DIGEST,
}
"""Of BeaconState."""
STATE: dict[str, Codec] = {
    "phase": phase(),
    "latest": plain(Annotated[int, Range(0, (1 << 64) - 1)]),
    "enrolments": recorded(m.Enrolment),
    "attendances": recorded(m.Attendance),
    "enrolment_verdicts": votes(m.EnrolmentVerdict),
    "enrolled": pairs(Name, Count),
    "dataset_roots": mapped(Name, MaybeDigest),
    "validation_beacons": mapped(Name, MaybeDigest),
    "eligible": _NAME_SET,
    "drawable": _NAME_SET,
    "model": _DIGEST,
    "snapshot": plain(tuple[MaybeDigest, Count]),
    "server_state": plain(tuple[Digest, ...]),
    "beacon": _DIGEST,
    "left_out": _NAME_SET,
    "abandoned": ascending(Digest, set),
    "releases": mapped(Name, Count),
    "keys": mapped(Name, Digest),
    "used_keys": mapped(Digest, Name),
    "chain_keys": recorded(m.ChainKeySaid),
    "revocation_votes": said(m.RevocationVote, by_subject),
    "end_votes": said(m.EndVote, vote_to_end),
    "ended": one(m.FederationEnded, whole=False),
    "revoked": mapped(Name, Count),
    "revoked_in": listed(_ROUND_NAMES),
    "admission_votes": said(m.AdmissionVote, vote_to_admit),
    "attestations": recorded(m.Attestation, with_key),
    "attestation_verdicts": evidence_verdicts(),
    "admitted": admitted_members(),
    "admitted_in": listed(_ROUND_NAMES),
}
"""Of HistoryState what may change otherwise than by growing."""
GROWN: dict[str, Codec] = {
    "noise_roots": keyed(Roots),
    "own_counts": keyed(Digest),
    "outcomes": round_outcomes(),
    "proofs": proofs(),
    "lasting": digests_of_objects(),
    "disputed": digests_of_objects(),
    "seals": round_seals(),
    "refused_in": refusals(),
    "head_digests": pairs(Count, Digest),
    "key_changes": key_changes(),
}
"""Of HistoryState what has grown in a chapter."""
