"""The keys of consortium.toml: those of its top table, and the tables below it."""

from __future__ import annotations

from dataclasses import replace

from proofward.cli.common.usual import DEADLINE, PORT, PRESET, ROUNDS
from proofward.cli.project.consortium_file.columns import MOST_TITLE
from proofward.cli.project.tables.aggregation import AGGREGATION
from proofward.cli.project.tables.attestation import ATTESTATION
from proofward.cli.project.tables.chain import CHAIN
from proofward.cli.project.tables.committees import COMMITTEES
from proofward.cli.project.tables.declared import DECLARED
from proofward.cli.project.tables.features import FEATURE, SHARED_CODES
from proofward.cli.project.tables.frozen import FROZEN
from proofward.cli.project.tables.images import IMAGES, ROW
from proofward.cli.project.tables.label import NOTATION
from proofward.cli.project.tables.outside import OUTSIDE
from proofward.cli.project.tables.privacy import PRIVACY
from proofward.cli.project.tables.validation import VALIDATION
from proofward.engines.remote.agreement.addresses import MOST_ADDRESSES
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.federation.messages.consortium.scaling import (
    EVERYTHING,
    FOLLOWING,
    IN_ENTRIES,
    KEPT,
    RECOMPUTED,
    SEALING_KEYS,
    SHARES,
    SINGLE,
    SUMS,
    VERDICTS,
)
from proofward.federation.messages.consortium.usual import (
    LEAST_HOSPITALS,
    MAX_DEADLINE,
    MAX_ROUNDS,
    MAX_UPLOAD_SLOT,
    UPLOAD_SLOT,
)
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.models.keys import Either, Integer, Key, Keys, Several, Text
from proofward.models.presets import PRESET_FILES
from proofward.models.scale_bits import SCALES
from proofward.models.setting_keys import MODEL, TRAINING

POLICY = Keys((
    Key("threshold", Integer(1, MAX_MEMBERS - 1),
        "so many hospitals learn nothing together; without it as many as the number of sites bears"),
    Key("accepting", Integer(1, MAX_MEMBERS),
        "verdicts that accept a proof; without it a majority of the verifiers"),
    Key("minimum", Integer(LEAST_HOSPITALS, MAX_MEMBERS),
        "fewest hospitals in a sum; without it a safe number"),
    Key("abandoning", Integer(2, MAX_MEMBERS),
        "hospitals that give a set up before the round is tried again; without it all but one"),
    Key("deadline", Integer(1, MAX_DEADLINE), "seconds that a phase waits for a member", DEADLINE),
    Key("upload_slot", Integer(0, MAX_UPLOAD_SLOT),
        "uploads leave every so many seconds, 0 for at once: their time then tells nothing of the records",
        UPLOAD_SLOT),
))  # fmt: skip
SITE = Keys((
    Key("name", Text(1, 40), "lower-case letters, digits and hyphens", needed=True),
    Key("roles", Several(Text(options=(HOSPITAL, VERIFIER)), 1, 2, distinct=True),
        "what it does: it has data, it verifies, or both", needed=True),
))  # fmt: skip
TOP = Keys((
    Key("title", Text(1, MOST_TITLE), "what the consortium is called", needed=True),
    Key("server", Either((Text(1), Several(Text(1), 1, MOST_ADDRESSES))),
        "where sites reach the server: a name, an IP address, or a list of them", needed=True),
    Key("port", Integer(1, 65535), "the only one that is open, at the server", PORT),
    Key("preset", Text(options=tuple(sorted(PRESET_FILES))),
        "what [model], [training] and [scales] leave open is as there", PRESET),
    Key("rounds", Integer(1, MAX_ROUNDS), "of training", ROUNDS),
    Key("sums", Text(options=SUMS),
        "how members check a sum: each adds all ciphertexts up, or by fingerprints that verifiers sign",
        RECOMPUTED),
    Key("shares", Text(options=SHARES),
        "how long sealed shares of keys are kept: as all else, or until their round is closed", KEPT),
    Key("sealing_keys", Text(options=SEALING_KEYS),
        "where the keys are that shares are sealed to: in the ledger's entries, or in objects under a root",
        IN_ENTRIES),
    Key("follow", Text(options=FOLLOWING),
        "what hospitals read of the ledger: all of it, or also heads that verifiers sign", EVERYTHING),
    Key("verdicts", Text(options=VERDICTS),
        "how verifiers say what they find: of each proof at once, or of all together", SINGLE),
    Key("trusted_first_model", Text(),
        "a model's file beside this one to start from: who chose it can learn more than sums", ""),
    Key("model", MODEL, "the network"),
    Key("training", TRAINING, "of a round at each hospital"),
    Key("scales", SCALES, "bits of the fixed-point numbers and of their ranges"),
    Key("aggregation", AGGREGATION, "how the server makes the next model of the mean update"),
    Key("privacy", PRIVACY, "what is promised of each record, or that nothing is"),
    Key("validation", VALIDATION, "the rows on which nobody trains, and how they are evaluated"),
    Key("chain", CHAIN, "where the ledger is anchored, and who seals; without it nothing is anchored"),
    Key("outside_model", OUTSIDE, "a model that is evaluated instead of training one"),
    Key("policy", POLICY, "thresholds and times"),
    Key("attestation", ATTESTATION, "what is asked of evidence about members' machines, beside the proofs"),
    Key("committees", COMMITTEES, "who holds shares of keys and judges proofs, drawn instead of everybody"),
    Key("site", Several(SITE, 1), "the sites, three hospitals and a verifier at least", needed=True),
    Key("feature", Several(FEATURE), "the columns of hospitals' tables, in the order of the model"),
    replace(SHARED_CODES, meaning="what stands for an empty cell in columns without codes of their own"),
    Key("images", IMAGES, "how every hospital makes its pictures, where they have pictures"),
    Key("table", ROW, "the table whose rows go with images"),
    Key("frozen", FROZEN, "the public network that pictures go through first"),
    Key("declared", DECLARED, "the consortium's own words for the record, in the fingerprint and not proved"),
    *NOTATION,
))  # fmt: skip
