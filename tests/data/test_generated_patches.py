"""Generated patches: the same everywhere, of both classes, hard enough and learnable; and their division."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from proofward.data.generated_patches import CLASSES, GeneratedPatches, make_patch
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import inspect
from proofward.data.images.patient_split import deal_by_patient, patient_split
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.presets import preset
from proofward.report.comparing.evaluation import auc
from proofward.report.demonstrations.image_scenario import make_image_scenario

RULE = ImageRule(32, 32)


def test_patches_are_the_same_everywhere():
    digest = hashlib.sha256()
    for number in range(8):
        digest.update(make_patch(7, number, 32, mass=bool(number % 2)).tobytes())
    assert digest.hexdigest() == "18b73e9b1e4e7b10d1b934cd6190c6097d7bef6515a7bbcdb10a0c2bd804c17a"
    assert not np.array_equal(make_patch(7, 0, 32, mass=False), make_patch(8, 0, 32, mass=False))
    assert make_patch(7, 0, 20, mass=True).shape == (20, 20)


def test_a_set_of_them_is_without_doubts():
    found = inspect(GeneratedPatches(60, 32, 1), RULE)
    assert found.by_class == dict.fromkeys(CLASSES, 30) and found.problems == found.doubts == ()
    assert len(set(found.patients)) == 30 and found.copies == 0
    with pytest.raises(ImagesRefused, match="expected a rule of 32 x 32, grey, found 16 x 16, grey"):
        inspect(GeneratedPatches(2, 32, 1), ImageRule(16, 16))
    with pytest.raises(ImagesRefused, match="found 32 x 32, coloured"):
        inspect(GeneratedPatches(2, 32, 1), ImageRule(32, 32, channels=3))


@pytest.mark.slow
def test_brightness_alone_does_not_tell_a_mass():
    """A mean is not enough, and the brightest spot is not either; a mass has both shape and size."""
    patches = np.stack([make_patch(2, number, 32, mass=bool(number % 2)) for number in range(400)])
    labels = np.arange(400) % 2
    for score in (patches.mean(axis=(1, 2)), patches.max(axis=(1, 2)), patches.std(axis=(1, 2))):
        assert 0.5 < auc(score, labels) < 0.95


def test_no_patient_is_at_two_sites_or_in_two_parts():
    scenario_images = inspect(GeneratedPatches(90, 32, 3), RULE)
    training, held_out = patient_split(scenario_images, 3)
    parts = [*deal_by_patient(scenario_images, training, 4, 3), held_out]
    assert sorted(int(at) for part in parts for at in part) == list(range(90))
    patients = [{scenario_images.patients[int(at)] for at in part} for part in parts]
    assert all(not one & other for at, one in enumerate(patients) for other in patients[:at])
    sizes = [len(part) for part in parts[:4]]
    assert max(sizes) - min(sizes) <= 2 and all((np.diff(part) > 0).all() for part in parts)
    other = deal_by_patient(scenario_images, training, 4, 4)
    assert any(not np.array_equal(one, two) for one, two in zip(parts, other, strict=False))
    with pytest.raises(ImagesRefused, match="images of at least 3 patients, found 2"):
        deal_by_patient(scenario_images, np.array([0, 1, 2], dtype=np.int64), 3, 0)


@pytest.mark.slow
def test_a_scenario_holds_out_patients():
    scenario = make_image_scenario(None, 3, 1, 5)
    assert list(scenario.hospitals) == ["hospital-0", "hospital-1", "hospital-2"]
    assert sum(map(len, scenario.hospitals.values())) + len(scenario.held_out) == 240
    assert scenario.setup.model.words == "1x32x32-8x8x8-16x4x4-2" and scenario.doubts == ()
    assert scenario.plan.config.security_bits == 100
    again = make_image_scenario(None, 3, 1, 5)
    assert np.array_equal(again.held_out.features, scenario.held_out.features)


def test_real_images_of_a_file_are_told_first_class_from_others(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (90, 20, 24), dtype=np.uint8)
    labels = np.arange(90) % 3
    names = np.array(["none", "glioma", "other"])
    np.savez(tmp_path / "a.npz", images=images, labels=labels, classes=names)
    scenario = make_image_scenario(tmp_path / "a.npz", 3, 1, 5)
    assert scenario.description.classes == ("none", "glioma or other")
    records = [*scenario.hospitals.values(), scenario.held_out]
    assert sum(int(part.labels.sum()) for part in records) == 60 and sum(map(len, records)) == 90
    chosen = make_image_scenario(tmp_path / "a.npz", 3, 1, 5, chosen="mlp784")
    assert chosen.setup == preset("mlp784") and chosen.description.images.axes == (1, 28, 28)
    assert np.array_equal(chosen.held_out.labels, scenario.held_out.labels)
    assert sum(map(len, chosen.hospitals.values())) + len(chosen.held_out) == 90
    with pytest.raises(ConfigurationError, match="one of pictures"):
        make_image_scenario(tmp_path / "a.npz", 3, 1, 5, chosen="wdbc")
    np.savez(tmp_path / "b.npz", images=images, labels=0 * labels, classes=names[:1])
    with pytest.raises(ImagesRefused, match="images of two classes or more, found 1"):
        make_image_scenario(tmp_path / "b.npz", 3, 1, 5)
