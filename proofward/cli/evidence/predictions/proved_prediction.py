"""A proved prediction on the command line: made by `proofward predict --prove`, checked by `verify`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import make_console, print_json
from proofward.cli.evidence.predictions.prediction_rows import (
    DIGITS,
    plain_rows,
    probability_of,
    rows_of,
    scored,
)
from proofward.ledger.files import write_out

if TYPE_CHECKING:
    from proofward.layers.rules.model import Int64Array
    from proofward.report.handover.models.exported_model import ExportedModel
    from proofward.report.handover.predictions.prediction import Predictions
    from proofward.report.handover.predictions.prediction_proof import PredictionProof

MOST_SHOWN = 20


@dataclass(slots=True)
class Inputs:
    """The inputs of a prediction as they come, no more than one proof may be about."""

    parts: list[Int64Array] = field(default_factory=list)

    def take(self, inputs: Int64Array) -> None:
        """The next records; raises Refused."""
        from proofward.relations.predictions.inference_statement import MOST_RECORDS

        self.parts.append(inputs)
        if sum(map(len, self.parts)) > MOST_RECORDS:
            raise Refused(f"one proof is about {MOST_RECORDS} records at most: split the file")


@dataclass(frozen=True, slots=True)
class Written:
    """A proof and the opening of its commitment, in files."""

    proof: PredictionProof
    path: Path
    opening: Path
    seconds: float

    @property
    def plain(self) -> dict[str, object]:
        """For the JSON document."""
        return {
            "file": str(self.path),
            "opening": str(self.opening),
            "commitment": self.proof.commitment.hex(),
            "bytes": len(self.proof.data),
            "seconds": self.seconds,
        }

    def words(self, path: Path, model: ExportedModel) -> list[str]:
        """What was written, and what to do with it; path: of the model."""
        return [
            f"proof of it, {len(self.proof.data):,} bytes: {self.path}; whoever has the model checks it with "
            f"`proofward verify {self.path} --model {path}`",
            f"{self.opening} opens its commitment and holds the records: it is as secret as they are",
            *frozen_words(model),
        ]


def write_proof(model: ExportedModel, inputs: Inputs, path: Path) -> Written:
    """Proves what the model says of the inputs; raises Refused and what `proved_prediction` raises."""
    import numpy as np

    from proofward.proof.soundness import SoundnessBelowPolicy
    from proofward.report.handover.predictions.prediction_proof import OPENING_SUFFIX, proved_prediction

    started = time.perf_counter()
    try:
        proof, opened = proved_prediction(model, np.concatenate(inputs.parts), os.urandom)
    except SoundnessBelowPolicy as error:
        raise Refused(f"no proof reaches the security for so many records: {error}") from error
    opening = path.with_name(path.name + OPENING_SUFFIX)
    for target, data in ((opening, opened), (path, proof.data)):
        write_out(target, data, 0o600)
    return Written(proof, path, opening, time.perf_counter() - started)


def read_model(path: Path) -> ExportedModel:
    """The exported model in a file that a user names; ends with wrong use for anything else."""
    from proofward.ledger.reading import NotReadable, read_regular
    from proofward.report.handover.models.exported_model import (
        MAX_FILE_BYTES,
        ModelInvalid,
        NotAModel,
        read_exported,
    )

    try:
        return read_exported(read_regular(path, MAX_FILE_BYTES, follow=True))
    except (NotAModel, ModelInvalid, NotReadable) as error:
        raise click.UsageError(f"{path} is no exported model: {error}") from error


def verified(path: Path, model: Path | None, opening: Path | None, as_json: bool) -> None:
    """Verifies the proof at `path` and says what it shows.

    Raises ProofRejected, or Unable where nothing can be told; UsageError without the model.
    """
    from proofward.ledger.reading import NotReadable, read_regular
    from proofward.proof.errors import ProofRejected
    from proofward.relations.predictions.inference_statement import SECURITY_BITS
    from proofward.report.handover.predictions.prediction_proof import (
        MAX_OPENING_BYTES,
        check_opening,
        load_prediction_proof,
        named,
    )

    file = load_prediction_proof(path)
    if model is None:
        words = f"model {file.model.hex()} of round {file.round} of the consortium {file.consortium.hex()}"
        raise click.UsageError(f"{path} is a proof about {words}: name the model's file with --model")
    loaded = read_model(model)
    started = time.perf_counter()
    found = file.verify(loaded)
    seconds = time.perf_counter() - started
    if opening is not None:
        try:
            check_opening(read_regular(opening, MAX_OPENING_BYTES, follow=True), file.statement(loaded))
        except NotReadable as error:
            raise ProofRejected("opening", f"expected {error.expected}, found {error.actual}") from error
    network = {"network": named(loaded)["network"].hex()}
    plain = {
        "valid": True,
        **_public(file),
        **network,
        "classes": list(loaded.description.classes),
        "probability_of": probability_of(loaded),
        "score_scale_bits": loaded.scales.activation_bits,
        "predictions": plain_rows(loaded, _predictions(file, loaded), "record"),
        "opened": opening is not None,
        "soundness_bits": found.soundness_bits,
        "grinding_bits": found.soundness.grinding,
        "soundness_bits_with_work": found.soundness.bits_with_work,
        "policy_bits": SECURITY_BITS,
        "seconds": seconds,
    }
    if as_json:
        print_json(plain)
        return
    bits = f"{found.soundness.words} ({SECURITY_BITS} are demanded)"
    console = make_console()
    for line in _words(file, loaded, network, f"{bits}, {seconds * 1000:.0f} ms", opening):
        console.print(line, markup=False, soft_wrap=True)


def _words(
    file: PredictionProof,
    model: ExportedModel,
    network: Mapping[str, str],
    measures: str,
    opening: Path | None,
) -> list[str]:
    """What a valid proof shows, and what it does not."""
    rows, names = list(rows_of(_predictions(file, model))), scored(model)
    of = "the committed record" if len(rows) == 1 else f"the {len(rows)} committed records, in their order"
    lines = [f"VALID: what the model of round {file.round} says of {of}; {measures}"]
    for number, scores, chances, name in rows[:MOST_SHOWN]:
        pairs = zip(names, chances, strict=True)
        told = [f"probability of {title} {chance:.{DIGITS}f}" for title, chance in pairs]
        told.append(f"{'score' if len(names) == 1 else 'scores'} {' '.join(map(str, scores))}")
        lines.append(f"  record {number}: {name}, {', '.join(told)}")
    if len(rows) > MOST_SHOWN:
        lines.append(f"  and {len(rows) - MOST_SHOWN} more, which --json has")
    public = {**_public(file), **network}
    lines += [f"  {name:13}{value}" for name, value in public.items() if name != "round"]
    shown = "The records are hidden; who proved this can open the commitment to them."
    lines.append(f"The commitment is to the records in {opening}." if opening is not None else shown)
    lines.append("That the consortium recorded this model is shown by its ledger, not by the proof.")
    lines.append("`proofward model export` of an audited run prints the same model, network and description.")
    lines += frozen_words(model)
    return [*lines, "The proof says nothing about where the records come from."]


def frozen_words(model: ExportedModel) -> list[str]:
    """What a proof does not say of a model behind a frozen network."""
    if model.frozen is None:
        return []
    network = f"the frozen network {model.frozen.name} ({model.frozen.digest.hex()})"
    proved = "Proved is what the trained part says of committed features"
    return [f"{proved}; that they are what {network} makes of any image is not proved."]


def described(path: Path, as_json: bool) -> None:
    """Says what the proof at `path` is about without verifying it; raises ProofRejected."""
    from proofward.report.handover.predictions.prediction_proof import load_prediction_proof

    file = load_prediction_proof(path)
    sizes = {"file": len(file.data), "scores": len(file.scores), "proof": len(file.proof)}
    public = {**_public(file), "scores": file.results.tolist()}
    plain = {"public": public, "bytes": sizes, "hidden": "records, values of hidden layers"}
    if as_json:
        print_json(plain)
        return
    console = make_console()
    console.print("A proved prediction; `proofward verify` needs the model's file.", markup=False)
    for name, value in {**public, **{f"bytes of {name}": size for name, size in sizes.items()}}.items():
        console.print(f"  {name:16}{value}", markup=False, soft_wrap=True)


def _public(file: PredictionProof) -> dict[str, object]:
    """The fields that name model and records."""
    return {
        "round": file.round,
        "model": file.model.hex(),
        "consortium": file.consortium.hex(),
        "description": file.description.hex(),
        "commitment": file.commitment.hex(),
    }


def _predictions(file: PredictionProof, model: ExportedModel) -> Predictions:
    """What was proved of the records, which have numbers for names."""
    from proofward.report.handover.predictions.prediction import predictions

    scores = file.statement(model).scores
    return predictions(model, range(1, len(scores) + 1), scores, {})
