"""A hospital enrols turned labels: its proofs hold, and the counts that the others publish show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.cli.evidence.ledgers.audit_words import screen, to_document
from proofward.dossier.record.evidence import evidence
from proofward.dossier.sections.counts import counted_figures
from proofward.engines.in_process import InProcessFederation
from proofward.layers.rules.model import Training
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.compared_counts import CHECK
from proofward.report.audits.run_audit import RunAudit
from proofward.report.histograms.comparison_words import MEANING
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.run_words import run_lines, run_sections
from tests.federation.fakes import FakeProofs, plan

pytestmark = pytest.mark.slow
SCORES = ScoreLayout(2, 8, 1)
POISONER = "hospital-3"


@pytest.fixture(scope="module", params=["silent", "all publish", "nobody publishes", "honest"])
def ran(request, tmp_path_factory):
    """Three rounds of training and one that counts; the last hospital turns its labels, and publishes or not."""
    made = plan(hospitals=5, verifiers=1, rounds=4, threshold=1)
    training = Training(96, 4, 2, validation_share=400_000)
    config = replace(made.config, training=training, least_rows=0, most_rows=0)
    made = replace(made, config=config, counting=(counting_of(SCORES, (4,)),))
    rng, data = np.random.default_rng(3), {}
    for name in made.hospitals:
        features = rng.integers(-64, 64, (60, 4), dtype=np.int64)
        labels = (features[:, 0] > 0).astype(np.int64)
        turns = name == POISONER and request.param != "honest"
        data[name] = features, 1 - labels if turns else labels
    publishing = [] if request.param == "nobody publishes" else list(made.hospitals)
    if request.param == "silent":
        publishing.remove(POISONER)
    folder = tmp_path_factory.mktemp("poisoned") / "run"
    engine = InProcessFederation(folder, made, data, seed=b"p", proofs=FakeProofs(), publishing=tuple(publishing))
    assert engine.run().finished
    auditor = RunAudit(folder, FakeProofs(), engine.rules.digest)
    summary = AuditSummary(list(auditor.run()), auditor.history)
    found = evaluations(engine.aggregator.history, engine.aggregator.objects, ("no", "yes"))
    return request.param, auditor, summary, found


def test_the_audit_names_it_where_the_others_publish_and_accuses_nobody(ran):
    case, _, summary, _ = ran
    assert summary.rules_kept is not False and not summary.breaches
    told = [verdict.detail for verdict in summary.verdicts if verdict.check == CHECK]
    assert all(verdict.passed for verdict in summary.verdicts if verdict.check == CHECK)
    if case == "nobody publishes":
        assert told == []
    elif case == "honest":
        assert told == [line for line in told if line.startswith("nothing stands out in ")] and len(told) == 1
    else:
        who = POISONER if case == "all publish" else f"those that published none ({POISONER})"
        assert len(told) == 2 and told[1] == MEANING
        assert told[0].startswith(f"after round 3 of training the counts of {who} are unlike those of the others: ")
    assert [line.removeprefix("compared    ") for line in screen(summary, None) if line.startswith("compared")] == told
    assert to_document(summary)["counts"].get(CHECK, {"failed": 0})["failed"] == 0


def test_page_and_paper_say_the_same(ran):
    _, auditor, summary, found = ran
    assert found[0].trained == found[0].hospitals and len(found[0].trained) == 5
    told = [verdict.detail for verdict in summary.verdicts if verdict.check == CHECK]
    assert all(line in list(run_lines(found)) for line in told)
    assert ("Hospitals and evaluations compared:" in list(run_sections(found, []))) == bool(told)
    words = [words for block in counted_figures(evidence(auditor, summary)) for words in getattr(block, "paragraphs", ())]
    assert all(f"{line[0].upper()}{line[1:]}." in words for line in told)
