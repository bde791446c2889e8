"""The helpers of benchmarks/privacy.py that decide whether an attack has passed its limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ATTACKS = "M1,M2,M3,M4,M5,G1,G2,G3,G4,P1,D1,T1,S1,A1,L1,N1"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_clopper_pearson_has_known_values() -> None:
    from privacy_attacks.rates import clopper_pearson

    assert clopper_pearson(0, 100) == pytest.approx((0, 0.03622), abs=1e-5)
    assert clopper_pearson(100, 100) == pytest.approx((0.96378, 1), abs=1e-5)
    assert clopper_pearson(10, 100) == pytest.approx((0.04900, 0.17622), abs=1e-5)


def test_an_attack_that_knows_exceeds_its_limit_and_one_that_guesses_does_not() -> None:
    from privacy_attacks.rates import limited, told_apart

    draws = np.random.default_rng(1).standard_normal((2, 2000))
    guesses, knows = told_apart(*draws), told_apart(draws[0] + 5, draws[1])
    assert limited(guesses, 0.1, 1e-5)["exceeded"] is False
    assert limited(knows, 3.0, 1e-5)["exceeded"] is True
    assert limited(knows, 20.0, 1e-5)["exceeded"] is False
    assert limited(knows, None, 0.0)["limit"] is None
    assert limited(guesses, 1.0, 0.0)["limit"]["advantage"] == pytest.approx(0.4621, abs=1e-4)


def test_runs_bound_epsilon_from_below() -> None:
    from privacy_attacks.audit import lower_bound

    draws = np.random.default_rng(2).standard_normal((2, 500))
    found, most = lower_bound(draws[0] + 20, draws[1], 1e-5)
    assert found == pytest.approx(most) and most > 4
    assert lower_bound(draws[0], draws[1], 1e-5)[0] < 0.5
    # N(0, 1) against N(1, 1) is (epsilon, 1e-5)-indistinguishable for no epsilon below 4.4
    assert 0.3 < lower_bound(draws[0] + 1, draws[1], 1e-5)[0] < 4.4


def test_a_draw_that_is_too_wide_is_found() -> None:
    from dataclasses import replace

    from privacy_attacks.audit import drawn
    from privacy_attacks.mechanism import Mechanism, with_epsilon

    class Wide(Mechanism):
        def noise(self, rng):
            return super().noise(rng) * 33 // 32

    own = with_epsilon(8, 62)
    assert drawn(own, 50_000, 50, 1)["exceeded"] is False
    wide = Wide(own.name, own.privacy, own.parameters)
    assert drawn(replace(wide), 50_000, 50, 1)["exceeded"] is True


@pytest.mark.parametrize("hidden", [(), (4,)])
def test_gradients_with_respect_to_inputs_are_those_of_differences(hidden: tuple[int, ...]) -> None:
    from privacy_attacks.gradients import forward
    from privacy_attacks.reconstruction import input_gradients, pictures

    setup = pictures(hidden, 2, 1).setup
    rng, labels, weights = np.random.default_rng(3), np.array([0, 1]), np.array([1.0, 0.5])
    flat, inputs = rng.standard_normal(setup.model.parameters) / 28, rng.standard_normal((2, 784))

    def loss(parameters: np.ndarray, values: np.ndarray) -> float:
        logits = forward(setup, parameters, values)[1]
        margins = (logits[:, 1] - logits[:, 0]) * (2 * labels - 1)
        return float((weights * np.log1p(np.exp(-margins))).sum())

    of_parameters, of_inputs = input_gradients(setup, flat, inputs, labels, weights)
    along, towards = rng.standard_normal(flat.size), rng.standard_normal(inputs.shape)
    step = 1e-5
    assert of_parameters @ along == pytest.approx(
        (loss(flat + step * along, inputs) - loss(flat - step * along, inputs)) / (2 * step), rel=1e-4
    )
    assert (of_inputs * towards).sum() == pytest.approx(
        (loss(flat, inputs + step * towards) - loss(flat, inputs - step * towards)) / (2 * step), rel=1e-4
    )


def test_variation_and_its_gradient() -> None:
    from privacy_attacks.reconstruction import variation

    image = np.random.default_rng(4).random((1, 64))
    along = np.random.default_rng(5).standard_normal(image.shape)
    ahead, behind = (variation(image + side * 1e-6 * along, 8)[0] for side in (1, -1))
    assert (variation(image, 8)[1] * along).sum() == pytest.approx((ahead - behind) / 2e-6, rel=1e-3)
    assert variation(np.full((1, 64), 0.5), 8)[0] < 0.01


def run_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], attacks: str) -> tuple[int, list]:
    """Exit code and lines of the benchmark at its smallest size."""
    import json
    import runpy
    import sys

    monkeypatch.setattr(sys, "argv", ["privacy.py", "--smallest", "--attacks", attacks])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "benchmarks" / "privacy.py"), run_name="__main__")
    return caught.value.code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["none", "no noise is added", "an eighth of the noise is missing"])
def test_the_exit_code_says_whether_an_attack_is_above_its_limit(monkeypatch, capsys, fault) -> None:
    import privacy_attacks.mechanism as mechanism

    true = mechanism.drawn_noise
    wrong = {"none": true, "no noise is added": lambda *own: 0 * true(*own)}
    monkeypatch.setattr(mechanism, "drawn_noise", wrong.get(fault, lambda *own: true(*own) * 7 // 8))
    code, lines = run_of(monkeypatch, capsys, "G1,N1")
    exceeded = {line["attack"] for line in lines if line.get("exceeded")}
    assert exceeded == {"none": set(), "no noise is added": {"G1", "N1"}}.get(fault, {"N1"})
    assert (code, lines[-1]["succeeded"]) == (int(bool(exceeded)), len([own for own in lines if own.get("exceeded")]))


@pytest.mark.slow
def test_every_line_says_what_is_seen_and_what_limit_holds(monkeypatch, capsys) -> None:
    code, lines = run_of(monkeypatch, capsys, ATTACKS)
    assert code == 0
    assert {own["attack"] for own in lines[:-1]} == set(ATTACKS.split(","))
    for own in lines[:-1]:
        assert {"sees", "what", "limit"} <= own.keys(), own
        if own["attack"][0] in "MGD":
            assert {"advantage", "tpr_at_0.1%", "tpr_at_0.1%_interval"} <= own.keys(), own
            private = str(own["rules"]).startswith("epsilon")
            assert (own["limit"] is not None) is private and ("exceeded" in own) is private
