"""A federation that evaluates: the sum is of all validation records, and nobody's own counts are anywhere."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from proofward.api.evaluations import FederatedEvaluation
from proofward.cli.main import main
from proofward.console.counted import Counted
from proofward.console.followed import Followed
from proofward.console.source import open_source
from proofward.encoding import encode_item
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.records.catalogue import OwnCounts
from proofward.federation.parties.hospital import Hospital
from proofward.layers.local_training.training import scores
from proofward.layers.rules.subgroup import Subgroup
from proofward.ledger.reading import read_regular
from proofward.relations.scores.score_counting import NOT_PROVED, counting_of, layout_in
from proofward.relations.scores.score_counts import score_counts
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.audits.run_audit import RunAudit
from proofward.report.comparing.evaluation import auc
from proofward.report.handover.models.description import Column, Description, Feature
from proofward.report.handover.models.model_files import write_files
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.ranking import roc_area
from proofward.report.histograms.run_words import drawn_last, run_lines, run_sections
from tests.federation.fakes import datasets, plan

pytestmark = pytest.mark.slow
LAYOUT = ScoreLayout(2, 16, 3, (Subgroup("sex", ("f", "m"), 0),))
OPEN, HASTY = "hospital-1", "hospital-2"
"""The one that publishes its own counts, and one that publishes some where it may not."""
NO_COUNTS = b"no counts"


class Hasty(Hospital):
    """Publishes in a round that trains, and before its upload."""

    def duties(self):
        if self.history.phase == UPLOAD and self.name not in self.history.round.uploads:
            yield self.say(OwnCounts(hashlib.sha256(NO_COUNTS).digest()), (NO_COUNTS,))
        yield from super().duties()


class Overhears(FaithfulNetwork):
    """Keeps every message."""

    def __init__(self):
        self.messages = []

    def to_member(self, member, message):
        self.messages.append(message)
        return super().to_member(member, message)

    def to_aggregator(self, member, message):
        self.messages.append(message)
        return super().to_aggregator(member, message)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One round of training and one of counting, with real proofs; what was said, logged and counted."""
    made = plan(hospitals=3, verifiers=1, rounds=2, threshold=1)
    training = replace(made.config.training, validation_share=400_000)
    config = replace(made.config, training=training, least_rows=0, most_rows=0)
    made = replace(made, config=config, counting=(counting_of(LAYOUT, (2,)),))
    data = datasets(made, rows=40)
    for features, _ in data.values():
        features[:, :2] = 0
        features[np.arange(len(features)), np.arange(len(features)) % 2] = 64
    heard, events = Overhears(), []
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    engine = InProcessFederation(
        folder, made, data, seed=b"e", network=heard, observe=events.append, publishing=(OPEN,),
        parties=Parties(hospitals={HASTY: Hasty}),
    )  # fmt: skip
    own, history = {}, engine.aggregator.history

    def remember():
        """Until the last round is closed, and secrets are erased, every hospital has its records."""
        for name in made.hospitals:
            records = engine.hospitals[name].validation_records()
            if records is not None:
                own[name] = records
        return False

    result = engine.run(remember)
    assert result.finished, (result.stopped, result.halted, result.refusals)
    objects = engine.aggregator.objects
    weights = model_weights(history, objects, history.model)
    counts = {
        name: score_counts(LAYOUT, config.model, config.scales, weights, found.features, found.labels)
        for name, found in own.items()
    }
    return engine, folder, own, counts, weights, heard.messages, events


def test_the_sum_is_that_of_all_validation_records(ran):
    engine, folder, own, counts, weights, _, _ = ran
    history, config = engine.aggregator.history, engine.rules.config
    (found,) = evaluations(history, engine.aggregator.objects, ("no", "yes"))
    assert (found.round, found.after, found.model) == (2, 1, history.model)
    assert found.hospitals == tuple(counts) and len(own) == 3
    assert np.array_equal(found.evaluated.counts, sum(counts.values()))
    labels = np.concatenate([records.labels for records in own.values()])
    features = np.concatenate([records.features for records in own.values()])
    assert found.evaluated.whole.block.rows == len(labels) >= 3 * 16
    plain = auc(scores(config.model, config.scales, weights, features), labels)
    area = roc_area(found.evaluated.whole.classes[0].of)
    assert area.low <= plain <= area.high and area.low < area.high
    assert [own.title for own in found.evaluated.subgroups] == ["sex: f", "sex: m"]
    followed = Followed(open_source(folder))
    assert followed.advance() and not followed.trouble
    (shown,) = Counted(open_source(folder)).opened(followed).evaluations
    assert np.array_equal(shown.evaluated.counts, found.evaluated.counts) and shown.words == found.words
    said = found.to_plain()
    assert said["counts"] == NOT_PROVED and said["whole"]["records"] == len(labels)


def test_the_record_is_audited_and_says_what_is_counted(ran):
    engine, folder, *_ = ran
    (counting,) = engine.rules.counting
    assert layout_in(counting) == LAYOUT and counting.within_rows
    verdicts = list(RunAudit(folder, None, engine.rules.digest).run())
    failed = [verdict for verdict in verdicts if not verdict.passed]
    assert len(verdicts) > 20 and {verdict.subject for verdict in failed} == {"model.safetensors", "model.json"}, "which only a command writes"


def forms(counts) -> Iterator[bytes]:
    """How counts may be written: of the whole, of every block, and of every histogram that is not all zeros."""
    parts = [counts, *counts.reshape(-1, sum(LAYOUT.parts))]
    parts += [own for block in LAYOUT.blocks(counts) for own in block.histograms.reshape(-1, LAYOUT.bins)]
    for own in parts:
        if np.count_nonzero(own) < 4:  # too little to be told from others
            continue
        for kind in "<i8", ">i8", "<i4", ">i4", "<i2", ">i2", "u1":
            yield own.astype(kind).tobytes()
        yield encode_item(own.tolist())[2:]
        plain = own.tolist()
        for written in (json.dumps(plain), json.dumps(plain, separators=(",", ":")), str(own)[1:-1]):
            yield written.strip("[]").encode()


def everything(ran) -> dict[str, bytes]:
    """Messages, objects, files of the run folder, and what observers were told."""
    engine, folder, _, _, _, messages, events = ran
    found = {f"message {number}": data for number, data in enumerate(messages)}
    found |= {str(path): read_regular(path, 1 << 30) for path in folder.rglob("*") if path.is_file()}
    found |= {f"event {number}": repr(event).encode() for number, event in enumerate(events)}
    history = engine.aggregator.history
    named = {state.aggregate.record.update_sum for state in history.closed}
    found |= {digest.hex(): engine.aggregator.objects.get(digest) for digest in named}
    return found


def test_no_sites_own_counts_are_in_any_message_object_or_log_unless_it_chose_so(ran):
    counts, data = ran[3], everything(ran)
    assert len([name for name in data if name.startswith("message")]) > 50 and len(data) > 100

    def where(vector):
        needles = set(forms(vector))
        assert len(needles) > 30
        return {name for name, held in data.items() if any(needle in held for needle in needles)}

    assert where(sum(counts.values())), "the sum is there, so the scan finds what there is"
    assert where(counts[OPEN]), "who publishes its own is found"
    for name in set(counts) - {OPEN}:
        assert not where(counts[name]), name


def test_who_publishes_its_counts_signs_an_object_of_the_ledger(ran):
    engine, _, _, counts, *_ = ran
    history = engine.aggregator.history
    assert list(history.own_counts) == [(2, OPEN)]
    held = engine.aggregator.objects.get(history.own_counts[2, OPEN])
    assert held == struct.pack(f"<{LAYOUT.length}q", *counts[OPEN].tolist())


def test_counts_are_refused_in_a_round_that_trains_and_before_an_upload(ran):
    refused = ran[0].refusals
    found = {(refusal.culprit, refusal.expected) for _, refusal in refused if refusal.check == "own-counts"}
    assert {culprit for culprit, _ in found} == {HASTY} and len(found) == 2
    assert (HASTY, "a round that counts") in found


def test_the_page_has_a_row_for_who_published_and_says_what_is_not_proved(ran):
    engine, _, _, counts, *_ = ran
    found = evaluations(engine.aggregator.history, engine.aggregator.objects, ("no", "yes"))
    text = "\n".join(run_sections(found, ["validation-roc.png"]))
    rows = LAYOUT.blocks(counts[OPEN])[0].rows
    assert f"| {OPEN} | {rows} |" in text and "| hospital-0 |" not in text and "(validation-roc.png)" in text
    assert NOT_PROVED in text and NOT_PROVED in "\n".join(run_lines(found))
    (own,) = found
    other = replace(own, sites={OPEN: None})
    assert f"| {OPEN} | no counts that records have |" in "\n".join(run_sections([other], []))
    assert other.to_plain()["sites"] == {OPEN: None}
    nothing = replace(own, evaluated=replace(own.evaluated, counts=np.zeros_like(own.evaluated.counts)), sites={})
    assert "nothing was counted" in "\n".join(run_lines([nothing])) and drawn_last([nothing]) == {}
    assert "| 1 | 3 | 0 | - | - | - |" in "\n".join(run_sections([nothing], []))
    assert FederatedEvaluation.of(nothing).auc == {} and nothing.to_plain()["whole"] is None


def test_in_python_and_on_the_command_line(ran):
    engine, folder, *_ = ran
    history = engine.aggregator.history
    found = FederatedEvaluation.of(evaluations(history, engine.aggregator.objects, ("no", "yes"))[0])
    assert (found.after, found.rows, set(found.auc)) == (1, found.confusion.sum(), {"yes"})
    low, high = found.auc_of_all_scores["yes"]
    assert low < found.auc["yes"] < high and NOT_PROVED in repr(found) and "Brier" in repr(found)
    refused = CliRunner().invoke(main, ["evaluate", str(folder), "--json"])
    assert refused.exit_code == 1 and "features.json is not there" in json.loads(refused.stdout)["reason"]
    write_files(folder, Description(tuple(Column(Feature(f"f{n}", 0.0, 1.0)) for n in range(4)), ("no", "yes")).files())
    said = json.loads(CliRunner().invoke(main, ["evaluate", str(folder), "--json"]).stdout)
    assert said["consortium"] == history.rules.digest.hex() and len(said["evaluations"]) == 1
    assert said["evaluations"][0]["whole"]["classes"][0]["auc"]["value"] == found.auc["yes"]
    assert set(said["evaluations"][0]["sites"]) == {OPEN}
    for more in (["--bins", "4"], [str(folder / "features.json")], ["--by", "sex"]):
        wrong = CliRunner().invoke(main, ["evaluate", str(folder), *more])
        assert wrong.exit_code == 2 and "Error" in wrong.stderr
    alone = CliRunner().invoke(main, ["evaluate", str(folder / "features.json")])
    assert alone.exit_code == 2 and "name a FILE with labels" in alone.stderr
