"""A model's card: what it is, what it was trained on and how, what is proved of it, and what nobody has said.

Every line is computed from the model and the ledger that it comes from, or says who wrote it. What is not
there is "not recorded", so that nobody has to guess whether it was left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from proofward.engines.operations.suggestions import Placeholder, command
from proofward.federation.history.light.projection import Projection
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.steps.consent import most_releases
from proofward.privacy.words import assumption, spent, whose
from proofward.relations.rules.config import RoundConfig
from proofward.report.handover.models.exported_model import ExportedModel
from proofward.report.handover.models.two_forms import Part, Pictures, Table, Words, html_page, markdown_page

NOT_RECORDED = "not recorded"
SHOWN_COLUMNS = 40
WITHOUT_NOISE = "Trained without differential privacy: its weights may tell something of single records."
WITH_NOISE = (
    "Trained with differential privacy: every sum has the noise that the rules name, which bounds what the "
    "weights tell of single records, and does not make it nothing."
)
MARKDOWN, HTML = ".card.md", ".card.html"
_LOADING = {
    "safetensors": "{predict}",
    "json": "{predict}",
    "onnx": 'import onnxruntime\n\nsession = onnxruntime.InferenceSession("{name}")\n'
    "outputs = session.run(None, {{session.get_inputs()[0].name: records}})  # float32, a record a row",
    "torch": 'import torch\n\nprogram = torch.export.load("{name}").module()\n'
    "outputs = program(records)  # float64, a record a row",
    "monai": 'from monai.bundle import ConfigParser\n\nconfig = ConfigParser()\n'
    'config.read_config("{name}/configs/inference.json")\nconfig.read_meta("{name}/configs/metadata.json")\n'
    'config["bundle_root"] = "{name}"\nnetwork = config.get_parsed_content("network")',
}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """Results of an evaluation: rows of (what, value), and `basis`, a sentence on who found them and how.

    tables: further ones. pictures: PNG files by what they show, for the card in HTML.
    """

    basis: str
    rows: Sequence[tuple[str, str]]
    tables: Sequence[Table] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelCard:
    """The parts of a card; `heading` is the federation's name, the network and the round."""

    heading: str
    parts: Sequence[Part]

    @property
    def markdown(self) -> str:
        """As a Markdown file."""
        return markdown_page(self.heading, self.parts)

    @property
    def html(self) -> str:
        """As one HTML file."""
        return html_page(self.heading, "".join(part.html() for part in self.parts))

    def files(self, name: str) -> dict[str, bytes]:
        """Both, by the names that they have beside the model's file or folder `name`."""
        return {name + MARKDOWN: self.markdown.encode(), name + HTML: self.html.encode()}


def model_card(
    model: ExportedModel,
    history: HistoryState,
    *,
    name: str,
    kind: str,
    figures: Sequence[Figures] = (),
    intended: str = "",
) -> ModelCard:
    """The card of the model of the last closed round, written as the file `name` of a kind.

    intended: what it is for, in the words of those who trained it; "" where nobody has said it.
    """
    origin, network = model.origin, model.model.words
    heading = f"{origin.federation}: {network} after round {origin.round} of {origin.rounds}"
    new = Placeholder("FILE.csv" if model.description.images is None else "IMAGES")
    predict, loading = command("predict", name, new), _LOADING[kind]
    parts: list[Part] = [
        _identity(model),
        Words("Intended use", [intended or f"{NOT_RECORDED.capitalize()}."]),
        _network(model),
        *_data(model, history),
        _training(history),
        *(_evaluation(figures)),
        _evidence(history),
        _limits(model, history, figures),
        Words("How to load it", _loading_words(model, kind), loading.format(name=name, predict=predict)),
    ]
    return ModelCard(heading, parts)


def _identity(model: ExportedModel) -> Table:
    origin = model.origin
    return Table("What it is", ("what", "value"), [
        ("federation", origin.federation),
        ("model", f"SHA-256 {model.digest.hex()}"),
        ("consortium", f"SHA-256 of its rules {origin.consortium.hex()}"),
        ("ledger", f"{origin.entries} entries, Merkle root {origin.root.hex()}"),
        ("round", f"{origin.round} of {origin.rounds}"),
        ("exported by", f"ProofWard {origin.proofward}"),
    ])  # fmt: skip


def _network(model: ExportedModel) -> Table:
    own, scales = model.model, model.scales
    layers = [(f"layer {place}", layer.words) for place, layer in enumerate(own.layers, 1)]
    return Table("Network", ("what", "value"), [
        ("shape", ("MLP " if own.is_mlp else "") + own.words),
        ("parameters", f"{own.parameters:,}"),
        *layers,
        ("classes", ", ".join(model.description.classes)),
        ("numbers", f"weights are multiples of 2^-{scales.weight_bits}, and values between layers of "
                    f"2^-{scales.activation_bits}"),
    ])  # fmt: skip


UNREAD = (
    "The hospital that exported this model follows heads of the ledger: who enrolled, and how many records, "
    "stands in the ledger and not here."
)


def _data(model: ExportedModel, history: HistoryState) -> list[Part]:
    images = model.description.images
    rows = history.enrolled
    said = [UNREAD] if isinstance(history, Projection) else [
        f"{len(rows)} hospitals enrolled {sum(rows.values()):,} records in all. Their records stay with "
        "them; the ledger has a commitment to those of each."
    ]  # fmt: skip
    if images is not None:
        return [Words("Data", [*said, f"A record is made of {images.words}."])]
    columns = model.description.columns
    shown = [
        (entry.feature.name, entry.unit, f"{entry.feature.centre:g}", f"{entry.feature.spread:g}")
        for entry in columns[:SHOWN_COLUMNS]
    ]
    if len(columns) > SHOWN_COLUMNS:
        said.append(f"The first {SHOWN_COLUMNS} of {len(columns)} inputs are listed; the file has them all.")
    titles = ("input x", "unit", "centre", "spread: the network reads (x - centre) / spread")
    return [Words("Data", said), Table("Inputs", titles, shown)]


def _training(history: HistoryState) -> Words:
    rules = history.rules
    config, closed = rules.config, history.closed
    trained = [state for state in closed if rules.counting_in(state.number) is None]
    summed = [len(state.accepted.record.hospitals) for state in trained if state.accepted is not None]
    last = f"{summed[-1]} hospitals" if summed else "nobody"
    last = "those in the ledger" if isinstance(history, Projection) else last
    counted = len(closed) - len(trained)
    only = f"; {counted} of them counted and left the model as it was" if counted else ""
    return Words("Training", [
        config.training_words,
        f"{len(closed)} of {rules.rounds} rounds were closed{only}. The last one that trained summed the "
        f"updates of {last}; a sum has at least {rules.minimum_updates}.",
        _bounded(config),
    ])  # fmt: skip


def _bounded(config: RoundConfig) -> str:
    """What limits an update before it is encrypted."""
    norm = f"an L2 norm of {config.clip_bound / 1024:g}"
    if config.privacy is None:
        return f"Before it is encrypted every update is clipped to {norm}."
    if config.privacy.of_hospitals:
        return f"Every update is clipped to {norm}. It gets noise before it is encrypted."
    return f"The gradient of each record is clipped to {norm}. An update gets noise before it is encrypted."


def _evaluation(figures: Sequence[Figures]) -> list[Part]:
    if not figures:
        words = f"{NOT_RECORDED.capitalize()}: this export knows of no evaluation of the model."
        return [Words("Evaluation", [words])]
    parts: list[Part] = []
    for found in figures:
        parts.append(Words("Evaluation", [found.basis]))
        if found.rows:
            parts.append(Table("Figures", ("what", "value"), found.rows))
        parts += [*found.tables, Pictures(found.pictures)]
    return parts


def _evidence(history: HistoryState) -> Words:
    config = history.rules.config
    return Words("What is proved", [
        "Of every update in a sum there is a zero-knowledge proof, which a quorum of verifiers accepted: it "
        "is this training, from the model before it, on the records that the hospital had committed to, "
        f"clipped and encrypted as agreed. The policy demands {config.security_bits} bits of soundness.",
        "Whoever has the ledger can check all of it, with proofward audit, and that this model follows.",
        "Not proved: that the records are true, how well the model does on others, and all that this card "
        "says of intended use. How far an evaluation is proved stands beside its figures.",
    ])  # fmt: skip


def _privacy(history: HistoryState) -> list[str]:
    """What its training tells of single records."""
    if history.rules.config.privacy is None:
        return [WITHOUT_NOISE]
    accountant = history.rules.accountant
    if accountant is None:
        return [WITH_NOISE]
    if isinstance(history, Projection):
        return [WITH_NOISE, f"How much of it is spent stands in the ledger; {assumption(accountant)}."]
    own = spent(accountant, most_releases(history))
    return [WITH_NOISE, f"Of it are {own}, for {whose(accountant)}; {assumption(accountant)}."]


def _limits(model: ExportedModel, history: HistoryState, figures: Sequence[Figures]) -> Words:
    low, high = model.scales.input_range
    unit = 1 << model.scales.activation_bits
    lines = [
        f"Scaled inputs below {low / unit:g} or above {high / unit:g} are cut there, and values are rounded.",
        f"It answers with one of {len(model.description.classes)} classes, whatever it is shown, and does "
        "not know what is unlike the records that it was trained on.",
        *_privacy(history),
        "No regulator has cleared it by this card, and nobody has shown its use on patients to be safe.",
    ]
    if not figures:
        lines.append(
            "How well it does is not recorded here: evaluate it on records of your own before any use."
        )
    if model.frozen is not None:
        frozen = model.frozen
        lines.append(
            f"It reads what the frozen network {frozen.name}, {frozen.digest.hex()}, makes of an image."
        )
    return Words("Limits", lines)


def _loading_words(model: ExportedModel, kind: str) -> list[str]:
    if kind in ("onnx", "torch", "monai"):
        return ["A program that computes with real numbers; close to the model's integers, which decide."]
    return ["The exact integers are in the file beside their real values; predictions use the integers."]
