"""The catalogue of an audit's checks and of what members can be found to have done, in plain words.

Messages and docs/audit.md are made from it; a test compares the document and the checks that are made.
"""

from __future__ import annotations

CHECKS: dict[str, tuple[str, str]] = {
    "rules": ("the rules", "The first entry holds the rules, and they are those asked for."),
    "entries": ("reading the entries", "Every entry can be read, and names no more objects than allowed."),
    "ledger-seal": ("the seal", "Every file is the one that the aggregator signed at the end."),
    "ledger-structure": ("the database", "The ledger's file is a ledger, of the key that the rules name."),
    "ledger-entry": (
        "stored entries",
        "Every stored entry is at its place and is the one hashed when written.",
    ),
    "ledger-tree": ("the hash tree", "The stored hashes are those of the entries."),
    "ledger-checkpoint": ("checkpoints", "The aggregator signed the entries as they are."),
    "ledger-remembered": ("checkpoints kept elsewhere", "The ledger continues what was seen before."),
    "ledger-cosigned": ("cosigned checkpoints", "Enough of the named witnesses have cosigned it."),
    "ledger-object": ("stored objects", "Every stored object has the digest that is its name."),
    "ledger-stray": ("files in the ledger", "The folder of the ledger holds nothing else."),
    "entry": ("messages", "Every message is signed, of its turn, and follows from those before it."),
    "enrolment-proof": ("proofs of enrolment", "A hospital's records are committed to and well-formed."),
    "round-proof": ("proofs of training", "A hospital's update is the training that was agreed on."),
    "counts-proof": ("proofs of counts", "A hospital's counts are in range, and true if rules prove it."),
    "attestation": ("evidence of machines", "Evidence is verified again as of then; it proves no update."),
    "attestation-verdict": ("verdicts on evidence", "A verifier said of evidence what the auditor finds."),
    "verdict": ("verdicts of verifiers", "A verifier said of a proof what the auditor finds."),
    "enrolled-set": ("who was enrolled", "Hospitals take part with the records that were proved."),
    "beacon": ("the randomness drawn", "The first model is the one that the shared randomness gives."),
    "participants": ("who took part", "The hospitals of each attempt are recorded."),
    "sealing-keys": ("sealing keys in objects", "A holder's keys, where still there, have its entry's root."),
    "passed-set": ("whose proofs passed", "Those passed whose proofs the auditor accepts."),
    "complaint": ("verdicts on complaints", "A verifier said of a complaint what the auditor finds."),
    "aggregate": ("sums and models", "The sum is of what was accepted, and the model follows from it."),
    "fingerprint": ("fingerprints of ciphertexts", "A verifier signed those that the auditor finds."),
    "object": ("named objects", "Every object that an entry names is there, and no other."),
    "evaluation": ("evaluations", "The figures of the summed counts are computed again, and told."),
    "own-counts": ("counts that hospitals publish", "Where counts are proved, these are those of the proof."),
    "stopping": ("the rule on stopping", "A vote by that rule was true; the best round is computed again."),
    "complete": ("the end", "All agreed rounds were closed, or enough verifiers voted for an earlier end."),
    "anchor": ("the anchor on a chain", "The ledger continues what a chain has anchored of it."),
    "flaws": ("number of flaws", "There are few enough flaws for all of them to be read."),
    "file": ("files made from the ledger", "The model and the proof files are what the ledger gives."),
    "files": ("objects behind the files", "The files of the run can be made again from the ledger."),
    "folder": ("reading the folder", "Every file of the run can be read."),
}
"""By the name of a check: what is counted, and what it shows when it passes."""

TRAINING, ENROLMENT = "its proof of training does not hold", "its proof of enrolment does not hold"
COUNTS = "its proof of counts does not hold"
EVIDENCE = "its evidence about its machine does not hold"
PROOFS = {
    "round-proof": TRAINING,
    "counts-proof": COUNTS,
    "enrolment-proof": ENROLMENT,
    "attestation": EVIDENCE,
}
"""By the name of a check: what is said of a hospital whose proof was refused."""
DEEDS: dict[str, str] = {
    "key-share": "it dealt a hospital a share of its key that is not one",
    "sealing-keys": "it published a root of sealing keys that is not the root of the keys it sent",
    "complaint": "it complained of a share of a key that is in order, or judged a complaint wrongly",
    "share-sum": "it returned a sum of key shares that is not the sum of those it was given",
    "admission": "it voted to admit whom nobody can admit: a name that is taken, or no name or key",
    "key-used": "it named as somebody's key one that another member has or had",
    "beacon-shares": "it dealt shares of the common randomness that are not shares of it",
    "equivocation": "it signed two different messages where one is allowed",
    "replayed-proof": "it handed in a proof that had been used before",
    "signature": "it sent a message with a wrong signature",
    "malformed": "it sent a message that is not of the agreed form",
    "verdict": "it said of a proof what the proof does not bear out",
    "attestation-verdict": "it said of evidence what the evidence does not bear out",
    "entry": "it recorded a message that does not follow from those before it",
    "aggregate": "it recorded a sum or a model that is not the one of the accepted updates",
    "fingerprint": "it signed another fingerprint of a ciphertext than the ciphertext has",
    "beacon": "it recorded a first model that the shared randomness does not give",
    "stopping": "it voted for an end by the rule on stopping, which was not met",
    "own-counts": "it published other counts of its own than it has proved",
    "ledger-remembered": "it signed two different histories",
}
"""By the name of a check: what its failure proves of the member that it accuses."""
OTHERWISE = "it sent a message that the rules refuse"


def counted(check: str) -> str:
    """What a check is about, in words."""
    return CHECKS[check][0]


def deed(check: str) -> str:
    """What the failure of a check proves of somebody, in words."""
    return DEEDS.get(check, OTHERWISE)
