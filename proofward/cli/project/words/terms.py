"""What a consortium agrees on, in words: for who joins it and for who has made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proofward.engines.remote.agreement.terms import Terms
    from proofward.federation.messages.consortium.declarations import Declarations
    from proofward.federation.messages.consortium.rules import Rules
    from proofward.relations.rules.config import RoundConfig
    from proofward.relations.rules.counting import Counting

USUAL_BATCH, USUAL_RATE, USUAL_INVERSE_DELTA = 16, 8, 10_000
"""Smaller batches, larger `Training.rate` and smaller 1 / delta than this are pointed out."""


def in_words(terms: Terms, servers: Sequence[str], port: int) -> list[str]:
    """What was agreed, for people. servers: the names and addresses under which it is reached."""
    config, rules = terms.round_config, terms.check()
    training, members = config.training, _members(terms, rules, servers, port)
    if rules.counts_only:
        return [*members, *_counts(terms, rules)]
    return [
        *members,
        first_model_in_words(rules),
        *privacy_in_words(rules),
        f"model {config.model.words}, {training.duration} a round in batches of "
        f"{training.batch}{training.momentum_words}; {_bounded(config)}; "
        f"{config.security_bits} bits of security"
        + (" (WEAK, for tests only)" if config.weak_security_for_tests else ""),
        *class_weights_in_words(config),
        *scales_in_words(config),
        *rates_in_words(config),
        *validation_in_words(config),
        *_counted(rules),
        *([] if rules.stopping is None else [rules.stopping.words]),
        *([] if rules.chain is None else [rules.chain.words]),
        *optimizer_in_words(config),
        *weighting_in_words(config),
        f"a hospital has {config.least_rows:,} to {config.most_rows:,} records",
        f"a phase waits {terms.deadline} s for a member; {uploads_in_words(terms.upload_slot)}",
        *unusual(config),
        *_evidence(rules),
        *declared_in_words(rules.declarations),
        f"terms {terms.digest.hex()}" + (", trusted first model" if rules.trusts_first_model else ""),
    ]


def _bounded(config: RoundConfig) -> str:
    """What bounds the update."""
    bound = f"{config.clip_bound / 1024:g}"
    if config.privacy is not None and not config.privacy.of_hospitals:
        return f"each record adds at most {bound} to the sum, in L2"
    return f"an update is at most {bound} long"


def _members(terms: Terms, rules: Rules, servers: Sequence[str], port: int) -> list[str]:
    """Who takes part, and what they can do alone and together."""
    from proofward.federation.messages.consortium.thresholds import committees_in_words

    verifiers = terms.named("verifier")
    return [
        f"{terms.federation}: {terms.rounds} rounds, server {' or '.join(servers)}, port {port}",
        f"hospitals: {', '.join(terms.named('hospital'))}",
        f"verifiers: {', '.join(verifiers)}; {terms.accepting_verdicts} of {len(verifiers)} accept a proof",
        f"a sum has {terms.minimum_updates} hospitals or more; "
        f"{rules.collusion} learn nothing together",
        f"{rules.colluding_holders} dishonest hospitals together with the server can open two sums from one "
        f"model; fewer cannot",
        f"hospitals that may be absent from a round: {rules.hospitals_to_spare}; "
        f"that may vanish between checked shares and consent: {rules.absent_hospitals}; "
        "with more, the run waits for them",
        *(
            ["one hospital that is revoked, or leaves, ends the federation"]
            if not rules.hospitals_to_spare
            else []
        ),
        *committees_in_words(rules),
        *_scaling(rules),
        f"{terms.accepting_verdicts} verifiers can admit further hospitals later, which hold no shares",
    ]


TOGETHER = "a verifier says all its verdicts of a round together, once all uploads are there"
KEYS_APART = "the keys that shares are sealed to are objects; the ledger has their Merkle roots"
UNTIL_CLOSED = "sealed shares of keys are deleted when their round is closed, but for those complained of"
BY_FINGERPRINTS = (
    "a sum is checked by fingerprints that verifiers sign, as many alike as accept a proof; only the audit "
    "adds the ciphertexts up"
)


def _scaling(rules: Rules) -> list[str]:
    """What saves work and room for many hospitals."""
    from proofward.federation.messages.consortium.thresholds import following_in_words

    own = rules.scaling
    used = {BY_FINGERPRINTS: own.fingerprints, UNTIL_CLOSED: own.ephemeral, KEYS_APART: own.key_objects,
            TOGETHER: own.verdicts_together}  # fmt: skip
    return [*(words for words, on in used.items() if on), *following_in_words(rules)]


def options_in_words(rules: Rules) -> list[str]:
    """What `consortium.toml` turns on beside rounds and committees: anchor, sums, shares, heads, evidence."""
    return [
        *([] if rules.chain is None else [rules.chain.words]),
        *_scaling(rules),
        *_evidence(rules),
    ]


def _counts(terms: Terms, rules: Rules) -> list[str]:
    """What is counted where nobody trains."""
    return [
        "nobody trains, no records are enrolled; in each round hospitals count and only the sum is opened",
        *_counted(rules),
        *([] if rules.chain is None else [rules.chain.words]),
        *(
            privacy_in_words(rules)
            if rules.accountant
            else ["sums of counts are exact, without noise: not private"]
        ),
        f"{rules.config.security_bits} bits of security",
        f"a phase waits {terms.deadline} s for a member; {uploads_in_words(terms.upload_slot)}",
        *_evidence(rules),
        *declared_in_words(rules.declarations),
        f"terms {terms.digest.hex()}",
    ]


def privacy_in_words(rules: Rules) -> list[str]:
    """What differential privacy there is, and what is outside of it."""
    from proofward.privacy.words import EXACT_COUNTS, in_words

    outside = [EXACT_COUNTS] if rules.accountant is not None and rules.has_exact_counts else []
    noisy = [_noise_of(own) for own in rules.counting if own.noise]
    return [*in_words(rules.accountant), *noisy, *outside]


def _noise_of(own: Counting) -> str:
    """What noise each hospital adds to counts, and what they spend."""
    spends = "one release" if own.spends == 1 else f"{own.spends} releases"
    return (
        f"{own.label}: to every count each hospital adds noise of the deviation {sqrt(own.noise):.1f}, and "
        f"proves it; a sum of them spends {spends}, and nothing is withheld"
    )


def _evidence(rules: Rules) -> list[str]:
    """What is asked of evidence about machines."""
    from proofward.cli.project.tables.attestation import attestation_in_words

    return attestation_in_words(rules.attestation)


def _counted(rules: Rules) -> Iterator[str]:
    """What is counted in which rounds, and what a hospital does not say."""
    for own in rules.counting:
        numbers = ", ".join(map(str, own.rounds))
        yield f"round {numbers}: {own.label}, {own.length:,} numbers{_withheld(own)}"
    for promise, found in rules.counting_by_promise.items():
        yield f"{found}: {promise}"


def _withheld(own: Counting) -> str:
    from proofward.relations.scores.score_counting import layout_in

    layout = layout_in(own)
    if layout is None:
        return f"; a hospital withholds those below {own.least_count}" if own.least_count > 1 else ""
    names = ", ".join(part.name for part in layout.subgroups)
    few = f"; by {names}, where a hospital has {layout.least_count} records or more" if names else ""
    return f", scores in {layout.bins} bins{few}"


def class_weights_in_words(config: RoundConfig) -> list[str]:
    """By what gradients are multiplied, where classes differ in it."""
    weights = config.model.class_weights
    return [f"gradients are weighted by class: {', '.join(map(str, weights))}"] if weights else []


def scales_in_words(config: RoundConfig) -> list[str]:
    """The fixed-point numbers, where they are not the usual ones."""
    own = config.scales
    most = own.weight_range / (1 << own.weight_bits) if own.weight_range_bits else 0
    if own == type(own)():
        return []
    return [
        f"fixed point: {own.activation_bits} bits behind the point of values, "
        f"{own.gradient_bits} of gradients, {own.weight_bits} of weights; "
        f"values up to {own.activation_limit / (1 << own.activation_bits):g}, "
        f"gradients below {own.gradient_limit / (1 << own.gradient_bits):g}",
        *_ranges_in_words(config),
        *([f"no weight is above {most:g}; those of convolutions saturate at every step"] if most else []),
    ]


def _ranges_in_words(config: RoundConfig) -> list[str]:
    """Those of the hidden layers, where they have their own; the line before then speaks of the inputs."""
    if not ((own := config.scales).activation_ranges or own.gradient_ranges):
        return []
    layers = [own.of_layer(place) for place in range(len(config.model.activations))]
    unit, fine = 1 << own.activation_bits, 1 << own.gradient_bits
    values = ", ".join(f"{scales.activation_limit / unit:g}" for scales in layers)
    gradients = ", ".join(f"{scales.gradient_limit / fine:g}" for scales in layers)
    return [f"of the hidden layers in order, values up to {values}; gradients below {gradients}"]


def validation_in_words(config: RoundConfig) -> list[str]:
    """What is not trained on, where something is not."""
    words = config.training.validation_words
    return [f"{words}, drawn by the beacon, are never trained on, as the proofs show"] if words else []


def rates_in_words(config: RoundConfig) -> list[str]:
    """The rates of the rounds, where they differ."""
    if not (training := config.training).later_rates:
        return []
    unit, (last, rate) = training.batch / (1 << config.scales.rate_shift), training.later_rates[-1]
    least = f"{rate * unit:g} from round {last} on"
    changes = f"in {len(training.later_rates)} changes"
    return [f"learning rate {training.rate * unit:g} at first, {least}, {changes}"]


def optimizer_in_words(config: RoundConfig) -> list[str]:
    """How the next model is made, where it is not by averaging."""
    if not config.optimizer.vectors:
        return []
    return [f"the server makes the next model by {config.optimizer.words}; everybody recomputes it"]


def uploads_in_words(slot: int) -> str:
    """When uploads leave."""
    if slot == 0:
        return "uploads leave at once, so that their time tells how long the work took"
    return f"uploads leave every {slot} s"


def first_model_in_words(rules: Rules) -> str:
    """Where the first model comes from."""
    from proofward.relations.rules.private_rules import starts_from_zeros

    if rules.trusts_first_model:
        return f"trusted first model {rules.initial_model.hex()}: whoever chose it can learn more than sums"
    if starts_from_zeros(rules.config.privacy, rules.config.model):
        return "first model of zeros: nobody chooses it"
    return "first model drawn by the members: nobody chooses it"


def unusual(config: RoundConfig) -> list[str]:
    """What these terms have that makes a single update, if it is ever opened, tell much about its records.

    With differential privacy it has its own noise; there a delta may be too large.
    """
    training, found = config.training, list[str]()
    if config.privacy is not None:
        if (most := config.privacy.inverse_delta) < USUAL_INVERSE_DELTA:
            found.append(
                f"unusual: delta {1 / most:.3g} is too large for {most:,} records or more in all: "
                "the promise may fail for one of them"
            )
        return found
    if training.batch < USUAL_BATCH:
        found.append(
            f"unusual: batches of {training.batch} records, fewer than {USUAL_BATCH}: "
            "an update that is opened may show single records"
        )
    if (rate := training.largest.rate) > USUAL_RATE:
        learning_rate = rate * training.batch / 2**config.scales.rate_shift
        found.append(
            f"unusual: rate = {rate}, above {USUAL_RATE} (a learning rate of {learning_rate:g}): "
            "an update that is opened may show single records"
        )
    return found


def weighting_in_words(config: RoundConfig) -> list[str]:
    """What an update weighs, where it is not its number of records."""
    from proofward.layers.averaging.weighting import BY_RECORDS

    if config.weighting == BY_RECORDS:
        return []
    return [f"an update weighs {config.weighting.words}, which everybody computes from the enrolled number"]


def declared_in_words(found: Declarations) -> list[str]:
    """What is declared, for who joins: the first line of each text, and who members are in law."""
    lines = []
    texts = {name: text for name, text in vars(found).items() if name != "members"}
    for name, text in texts.items():
        more = f" (and {len(text) - 1} more lines)" if len(text) > 1 else ""
        lines += [f"declared, {name.replace('_', ' ')}: {text[0]}{more}"] if text else []
    return lines + [
        f"declared, {entry.member}: {', '.join(filter(None, (entry.legal_name, entry.contact)))}"
        for entry in found.members
        if entry.legal_name or entry.contact
    ]
