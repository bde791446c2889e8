"""consortium.toml, written: every value of a completed project, with a word on what it means."""

from __future__ import annotations

import json
from collections.abc import Sequence

from proofward.cli.project.aggregation_table import aggregation_lines
from proofward.cli.project.feature_table import feature_lines
from proofward.cli.project.image_table import image_lines
from proofward.cli.project.label_table import id_lines, label_lines, notation_lines
from proofward.cli.project.project import Project
from proofward.cli.project.validation_table import validation_lines
from proofward.federation.messages.rules import VERIFIER
from proofward.models.presets import PRESET_FILES
from proofward.models.scale_bits import SCALE_KEYS, shown_bits
from proofward.models.settings import MODEL_KEYS, TRAINING_KEYS

MEANING = {
    "hidden": "widths of the hidden layers; [] for logistic regression; or give layers",
    "layers": "from the data upwards, ReLU between them; the last, to the classes, is implied",
    "learning_rate": "of a batch's mean gradient, a multiple of batch / 1024",
    "momentum": "of SGD within a round, which begins without any; 0 for none",
    "batch": "records of a step, a power of two",
    "epochs": "passes over a hospital's records in a round, or give steps",
    "steps": "of a round, the same for every hospital, or give epochs",
    "class_weights": "gradients of each class's records are multiplied by it, an integer up to 16",
    "clip_bound": "the L2 norm that an update may have, a multiple of 1 / 1024",
    "activation_bits": "behind the point of features and hidden values",
    "gradient_bits": "behind the point of gradients",
    "weight_bits": "behind the point of weights: both together and k, where learning rates are multiples of "
    "batch / 2^k",
    "activation_range_bits": "hidden values reach 2^this in units, features half of it",
    "gradient_range_bits": "gradients saturate beyond three times 2^this in units",
    "activation_ranges": "of each hidden layer in place of activation_range_bits",
    "gradient_ranges": "of each hidden layer in place of gradient_range_bits",
    "logit_range_bits": "differences of logits beyond 2^this in units count as that much",
    "table_bits": "of the largest table of a proof: none of the ranges may have more",
}


def project_text(project: Project) -> str:
    """The file of a completed project."""
    lines = [
        "# What this consortium agrees on. `proofward consortium init FOLDER` makes the kits from it.",
        f"title = {_quoted(project.title)}",
        f"server = {_servers(project.servers)}  # where sites reach the server: a name, an IP address, or "
        "a list of them",
        f"port = {project.port}  # the only one that is open, at the server",
        *_preset(project),
        f"rounds = {project.rounds}",
        *_first_model(project),
        *(notation_lines(project.notation) if project.images is None else []),
        "",
        "[model]",
        *_settings(project, MODEL_KEYS),
        "",
        "[training]",
        *_settings(project, TRAINING_KEYS),
        *scale_lines(project),
        *aggregation_lines(project.optimizer, project.weighting),
        *validation_lines(project.validation),
        "",
        "[policy]",
        f"threshold = {project.threshold}  # so many hospitals learn nothing together",
        f"accepting = {project.accepting}  # verdicts that accept a proof, of {project.count(VERIFIER)}",
        f"minimum = {project.minimum}  # fewest hospitals in a sum",
        f"abandoning = {project.abandoning}  # hospitals that give a set up before the round is tried again",
        f"deadline = {project.deadline}  # seconds that a phase waits for a member",
        f"upload_slot = {project.upload_slot}  # uploads leave every so many seconds, 0 for at once: "
        "their time then tells nothing of the records",
    ]
    if project.images is None:
        lines += [*label_lines(project.notation.label), *id_lines(project.notation)]
    else:
        lines += image_lines(project.images)
    for site in project.sites:
        roles = ", ".join(_quoted(role) for role in site.roles)
        lines += ["", "[[site]]", f"name = {_quoted(site.name)}", f"roles = [{roles}]"]
    row = project.images.row if project.images is not None else None
    features = row.features if row is not None else project.features
    if features:
        lines += ["", "# Public constants: x becomes (x - centre) / spread, alike at every hospital."]
    lines += feature_lines(features)
    return "\n".join(lines).rstrip("\n") + "\n"


def _servers(addresses: Sequence[str]) -> str:
    quoted = [_quoted(text) for text in addresses]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _preset(project: Project) -> list[str]:
    """None where nothing is left to it."""
    preset = PRESET_FILES[project.preset].settings
    whole = project.settings.over(preset).scales.given
    left = whole.keys() & preset.scales.given.keys() - project.settings.scales.given.keys()
    if project.settings.complete and not left:
        return []
    return [f"preset = {_quoted(project.preset)}  # {PRESET_FILES[project.preset].summary}; "
            "what is behind # below"]  # fmt: skip


def _first_model(project: Project) -> list[str]:
    if not project.trusted_first_model:
        return []
    why = "who chose it can learn more than sums"
    return [f"trusted_first_model = {_quoted(project.trusted_first_model)}  # {why}"]


def _settings(project: Project, names: Sequence[str]) -> list[str]:
    """Values of the project's own; the preset's behind a comment's sign, to be changed there."""
    own, whole = project.settings, project.settings.over(PRESET_FILES[project.preset].settings)
    lines, unit = [], f"batch / {1 << project.setup.scales.rate_shift}"
    for name in names:
        value = getattr(whole, name)
        if value is not None:
            sign = "# " if getattr(own, name) is None else ""
            plain = list(value) if isinstance(value, tuple) else value
            text = json.dumps(plain) if name == "layers" else repr(plain)
            meaning = MEANING[name].replace("batch / 1024", unit)
            lines.append(f"{sign}{name} = {text}  # {meaning}")
    return lines


def scale_lines(project: Project) -> list[str]:
    """The table [scales], where not all of them are the usual ones; the preset's as in `_settings`."""
    own = project.settings.scales
    whole = project.settings.over(PRESET_FILES[project.preset].settings).scales.given
    lines = [
        f"{'' if name in own.given else '# '}{name} = {shown_bits(whole[name])}  # {MEANING[name]}"
        for name in SCALE_KEYS
        if name in whole
    ]
    return ["", "[scales]", *lines] if lines else []


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
