"""consortium.toml, written: every value of a completed project, with a word on what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from proofward.cli.project.consortium_file.project import Project
from proofward.cli.project.tables.aggregation import aggregation_lines
from proofward.cli.project.tables.attestation import attestation_lines
from proofward.cli.project.tables.chain import chain_lines
from proofward.cli.project.tables.declared import declared_lines
from proofward.cli.project.tables.features import feature_lines
from proofward.cli.project.tables.images import image_lines
from proofward.cli.project.tables.label import id_lines, label_lines, notation_lines
from proofward.cli.project.tables.outside import outside_lines
from proofward.cli.project.tables.privacy import privacy_lines
from proofward.cli.project.tables.validation import validation_lines
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.federation.messages.consortium.scaling import PLAIN
from proofward.models.keys import Keys
from proofward.models.presets import PRESET_FILES
from proofward.models.scale_bits import SCALE_KEYS, SCALES, shown_bits
from proofward.models.setting_keys import MODEL, TRAINING


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
        *_scaling(project),
        *_first_model(project),
        *(notation_lines(project.notation) if project.images is None else []),
        "",
        "[model]",
        *_settings(project, MODEL),
        "",
        "[training]",
        *_settings(project, TRAINING),
        *scale_lines(project),
        *aggregation_lines(project.optimizer, project.weighting),
        *_privacy(project),
        *validation_lines(project.validation),
        *chain_lines(project.chain),
        *outside_lines(project.outside),
        "",
        "[policy]",
        f"threshold = {project.threshold}  # so many hospitals learn nothing together",
        f"accepting = {project.accepting}  # verdicts that accept a proof, of {project.count(VERIFIER)}",
        f"minimum = {project.minimum}  # fewest hospitals in a sum",
        f"abandoning = {project.abandoning}  # hospitals that give a set up before the round is tried again",
        f"deadline = {project.deadline}  # seconds that a phase waits for a member",
        f"upload_slot = {project.upload_slot}  # uploads leave every so many seconds, 0 for at once: "
        "their time then tells nothing of the records",
        *attestation_lines(project.attestation),
    ]
    if project.committees is not None:
        lines += project.committees.lines(project.count(HOSPITAL), project.count(VERIFIER))
    if project.images is None:
        lines += [*label_lines(project.notation.label), *id_lines(project.notation)]
    else:
        lines += image_lines(project.images)
    for site in project.sites:
        roles = ", ".join(_quoted(role) for role in site.roles)
        lines += ["", "[[site]]", f"name = {_quoted(site.name)}", f"roles = [{roles}]"]
    lines += declared_lines(project.declared)
    row = project.images.row if project.images is not None else None
    features = row.features if row is not None else project.features
    if features:
        lines += ["", "# Public constants: x becomes (x - centre) / spread, alike at every hospital."]
    lines += feature_lines(features)
    return "\n".join(lines).rstrip("\n") + "\n"


def _scaling(project: Project) -> list[str]:
    """What saves work and room for many hospitals, where it is not as usual."""
    meanings = {
        "sums": "how members check a sum",
        "shares": "until their round is closed",
        "sealing_keys": "where the keys are that shares are sealed to",
        "follow": "heads of the ledger that verifiers sign",
        "verdicts": "how verifiers say what they find",
    }
    found = {name: getattr(project, name) for name in meanings}
    other = {name: value for name, value in found.items() if value != getattr(PLAIN, name)}
    return [f'{name} = "{value}"  # {meanings[name]}' for name, value in other.items()]


def _servers(addresses: Sequence[str]) -> str:
    quoted = [_quoted(text) for text in addresses]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _preset(project: Project) -> list[str]:
    """None where nothing is left to it."""
    preset = project.usual
    whole = project.settings.over(preset).scales.given
    left = whole.keys() & preset.scales.given.keys() - project.settings.scales.given.keys()
    if project.settings.complete and not left:
        return []
    return [f"preset = {_quoted(project.preset)}  # {PRESET_FILES[project.preset].summary}; "
            "what is behind # below"]  # fmt: skip


def _privacy(project: Project) -> list[str]:
    if project.outside is not None:
        return []
    return list(privacy_lines(project.privacy, project.setup.privacy))


def _first_model(project: Project) -> list[str]:
    if not project.trusted_first_model:
        return []
    why = "who chose it can learn more than sums"
    return [f"trusted_first_model = {_quoted(project.trusted_first_model)}  # {why}"]


def _settings(project: Project, keys: Keys) -> list[str]:
    """Values of the project's own; the preset's behind a comment's sign, to be changed there."""
    own, whole = project.settings, project.settings.over(project.usual)
    lines, unit = [], f"batch / {1 << project.setup.scales.rate_shift}"
    for name in keys.names:
        value = getattr(whole, name)
        if value is not None and not (name == "clip_bound" and project.privacy is not None):
            sign = "# " if getattr(own, name) is None else ""
            plain = list(value) if isinstance(value, tuple) else value
            text = json.dumps(plain) if name in ("layers", "full_batch") else repr(plain)
            text = _inline(value.to_plain()) if name == "schedule" else text
            meaning = keys[name].meaning.replace("batch / 1024", unit)
            lines.append(f"{sign}{name} = {text}  # {meaning}")
    return lines


def _inline(plain: Mapping[str, object]) -> str:
    """A table in one line."""
    return f"{{ {', '.join(f'{name} = {json.dumps(value)}' for name, value in plain.items())} }}"


def scale_lines(project: Project) -> list[str]:
    """The table [scales], where not all of them are the usual ones; the preset's as in `_settings`."""
    own = project.settings.scales
    whole = project.settings.over(project.usual).scales.given
    lines = [
        f"{'' if name in own.given else '# '}{name} = {shown_bits(whole[name])}  # {SCALES[name].meaning}"
        for name in SCALE_KEYS
        if name in whole
    ]
    return ["", "[scales]", *lines] if lines else []


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
