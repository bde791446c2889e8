"""A consortium whose images go through a frozen network first: from its file to kits, models and predictions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnx")

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.table import ProjectError
from proofward.data.columns.schema import FEATURES_NAME
from proofward.data.frozen_part import FROZEN_NAME
from proofward.engines.remote.agreement.home import Home
from proofward.models.graph.frozen.file import read_frozen_network
from proofward.report.handover.models.exported_model import read_exported
from tests.cli.own_images import HOSPITALS, write_folders, write_project
from tests.cli.own_rows import write_project as write_project_of_rows
from tests.cli.own_tables import data
from tests.cli.own_tables import write_project as write_project_of_tables
from tests.models.backbones import OUTPUTS, write_backbone

pytestmark = pytest.mark.slow

NAME = "backbone.onnx"
SCALED = "centre = 0.5\nspread = 0.5"


def write_frozen(folder, *, frozen=f'file = "{NAME}"\n{SCALED}', layers='["linear 4"]', **own):
    """FOLDER/consortium.toml with a table [frozen], beside its network."""
    path = write_project(folder, layers=layers, **own)
    path.write_text(f"{path.read_text()}[frozen]\n{frozen}\n")
    if not (folder / NAME).exists():
        write_backbone(folder / NAME)
    return path


@pytest.fixture(scope="module")
def trained(proofward, tmp_path_factory):
    """(folder, what `simulate` said) of a run, whose model lies beside the network."""
    folder = tmp_path_factory.mktemp("frozen")
    write_folders(folder / "data")
    paths = [folder / "data" / name for name in HOSPITALS]
    path = write_frozen(folder, rounds=2)
    said = proofward.json("simulate", path, *data(*paths), "--run", folder / "run")
    exported = proofward.json("model", "export", folder / "run", "--to", "json", "--out", folder / "m.json")
    assert exported["exit"] == 0, exported
    return folder, said, exported


def test_a_run_passes_its_audit(proofward, trained):
    folder, said, exported = trained
    assert (said["exit"], said["finished"], said["rounds"]) == (0, True, 2), said
    assert proofward("audit", folder / "run", "--consortium", said["consortium"]).exit_code == 0
    network = read_frozen_network(folder / NAME)
    assert (folder / "run" / FROZEN_NAME).read_bytes() == network.data
    schema = read_project(folder / "consortium.toml").images
    assert schema.frozen.digest == network.digest and (folder / "run" / FEATURES_NAME).read_bytes() == schema.to_bytes()
    assert exported["frozen"] == {"name": NAME, "digest": network.digest.hex()}
    model = read_exported((folder / "m.json").read_bytes())
    assert model.description.images == schema and model.model.features == OUTPUTS
    assert network.digest.hex() in " ".join(model.to_plain()["computation"])
    assert model.description.features[2].name == f"feature 3 of {NAME}"
    assert not (folder / "run.private" / "report" / "saliency.png").exists()  # its features are no pixels


def test_anybody_computes_the_digest(proofward, trained, tmp_path):
    folder, *_ = trained
    network = read_frozen_network(folder / NAME)
    said = proofward.json("model", "freeze", folder / NAME, "--out", tmp_path / "own.network")
    assert (said["exit"], said["digest"], said["picture"]) == (0, network.digest.hex(), [1, 16, 16])
    assert (said["features"], said["multiplications"]) == (OUTPUTS, network.products)
    assert (tmp_path / "own.network").read_bytes() == network.data
    for file in (tmp_path / "own.network", folder / "run" / FROZEN_NAME):
        told = proofward("model", "freeze", file)
        assert told.exit_code == 0 and f'digest = "{network.digest.hex()}"' in told.stdout
    again = proofward("model", "freeze", folder / NAME, "--out", tmp_path / "own.network")
    assert again.exit_code == 1 and "--force replaces it" in again.stderr
    (tmp_path / "no.onnx").write_bytes(b"none")
    refused = proofward("model", "freeze", tmp_path / "no.onnx")
    assert refused.exit_code == 1 and "is not taken in" in refused.stderr
    path = write_frozen(tmp_path, frozen=f'file = "own.network"\ndigest = "{network.digest.hex()}"')
    assert read_project(path).images.frozen.digest == network.digest


@pytest.mark.parametrize("kind", ["onnx", "safetensors"])
def test_the_trained_part_is_exported(proofward, trained, kind, tmp_path):
    folder, *_ = trained
    told = proofward("model", "export", folder / "run", "--to", kind, "--out", tmp_path / "m")
    assert told.exit_code == 0 and f"it takes what {NAME} makes of an image" in told.stdout, told.stderr
    packed = proofward("export-audit", folder / "run", "--out", tmp_path / "pack.zip")
    assert packed.exit_code == 0


def test_commands_look_at_such_a_file(proofward, trained):
    folder, *_ = trained
    path, sample = folder / "consortium.toml", folder / "data" / "a"
    digest = read_frozen_network(folder / NAME).digest.hex()
    for command in (("inspect", path), ("consortium", "check", path)):
        assert f"network {OUTPUTS}-4-2" in proofward(*command).stdout
    checked = proofward("check-data", path, "--data", sample)
    assert checked.exit_code == 0 and f"{OUTPUTS} features of the frozen network {NAME}, {digest}" in checked.stdout
    assert f"features of {NAME}: mean 0." in checked.stdout and "percent are clipped" in checked.stdout
    calibrated = proofward("consortium", "calibrate", path, "--data", sample)
    assert calibrated.exit_code in (0, 1) and "refused" not in calibrated.stderr, calibrated.stderr


def test_so_much_clipping_is_doubtful(proofward, trained, tmp_path):
    folder, *_ = trained
    path = write_frozen(tmp_path, frozen=f'file = "{NAME}"\nspread = 0.001')
    checked = proofward("check-data", path, "--data", folder / "data" / "a")
    assert checked.exit_code == 1 and "are centre and spread in [frozen] right?" in checked.stdout
    assert f"clipped to the range of inputs: 16 values of feature 1 of {NAME}" in checked.stdout


def test_the_federations_integers_are_predicted(proofward, trained, tmp_path):
    folder, *_ = trained
    new = folder / "data" / "b" / "mass"
    said = proofward.json("predict", folder / "m.json", new)
    assert said["exit"] == 0 and len(said["predictions"]) == 8
    network = read_frozen_network(folder / NAME)
    (tmp_path / "own.network").write_bytes(network.data)
    (tmp_path / "m.json").write_bytes((folder / "m.json").read_bytes())
    for file in (folder / NAME, tmp_path / "own.network", folder / "run" / FROZEN_NAME):
        again = proofward.json("predict", tmp_path / "m.json", new, "--frozen", file)
        assert again["predictions"] == said["predictions"]
    missing = proofward("predict", tmp_path / "m.json", new)
    assert missing.exit_code == 1 and f"needs the frozen network {NAME}, {network.digest.hex()}" in missing.stderr
    other = write_backbone(tmp_path / NAME, seed=2)
    refused = proofward("predict", tmp_path / "m.json", new)
    assert refused.exit_code == 1 and refused.stdout == ""
    digests = f"expected digest {network.digest.hex()}, found {read_frozen_network(other).digest.hex()}"
    assert digests in refused.stderr
    (tmp_path / NAME).write_bytes(b"none")
    assert "is not taken in" in proofward("predict", tmp_path / "m.json", new).stderr


def test_a_proved_prediction_says_what_it_does_not_prove(proofward, trained, tmp_path):
    folder, *_ = trained
    proof = tmp_path / "p.proof"
    told = proofward("predict", folder / "m.json", folder / "data" / "c" / "mass", "--prove", proof)
    digest = read_frozen_network(folder / NAME).digest.hex()
    words = f"that they are what the frozen network {NAME} ({digest}) makes of any image is not proved"
    assert told.exit_code == 0 and words in told.stderr
    verified = proofward("verify", proof, "--model", folder / "m.json")
    assert verified.exit_code == 0 and "VALID" in verified.stdout and words in verified.stdout
    plain = json.loads((folder / "m.json").read_text())
    plain["images"]["frozen"]["digest"] = "00" * 32
    (tmp_path / "other.json").write_text(json.dumps(plain))
    assert proofward("verify", proof, "--model", tmp_path / "other.json").exit_code == 1


def test_a_file_is_written_as_it_was_read(tmp_path):
    each = [float(number) for number in range(OUTPUTS)]
    for frozen in (f'file = "{NAME}"', f'file = "{NAME}"\n{SCALED}', f'file = "{NAME}"\ncentre = {each}'):
        project = read_project(write_frozen(tmp_path, frozen=frozen))
        (tmp_path / "again.toml").write_text(project_text(project))
        assert read_project(tmp_path / "again.toml") == project
    assert project.images.frozen.centre == tuple(each) and project.setup.model.features == OUTPUTS
    assert f'digest = "{project.images.frozen.digest.hex()}"' in project_text(project)


def test_the_terms_change_with_network_and_scaling(tmp_path):
    project = read_project(write_frozen(tmp_path))
    images = project.images
    digests = {project.terms().digest, replace(project, images=replace(images, frozen=None)).completed().terms().digest}
    for changes in ({"centre": (0.25,)}, {"spread": (0.25,)}, {"name": "b.onnx"}):
        own = replace(project, images=replace(images, frozen=replace(images.frozen, **changes)))
        digests.add(own.terms().digest)
    write_backbone(tmp_path / NAME, seed=2)
    digests.add(read_project(tmp_path / "consortium.toml").terms().digest)
    assert len(digests) == 6


@pytest.mark.parametrize(
    ("frozen", "words"),
    [
        ("", "frozen.file: expected a text"),
        ('file = "../b.onnx"', "frozen.file: expected the name of a file in the same folder"),
        ('file = "missing.onnx"', "frozen.file: expected a network that can be frozen"),
        ('file = "consortium.toml"', "frozen.file: expected a network that can be frozen"),
        (f'file = "{NAME}"\ndigest = "{"00" * 32}"', f"frozen.digest: expected {'00' * 32}, found "),
        (f'file = "{NAME}"\ncentre = "x"', "frozen.centre: expected a number"),
        (f'file = "{NAME}"\ncentre = [1, 2]', "frozen.centre: expected one number, or different ones for 6"),
        (f'file = "{NAME}"\nspread = 0', "frozen.spread: expected numbers above 0"),
        (f'file = "{NAME}"\nlayers = 3', "frozen.layers: expected one of file, digest"),
    ],
)  # fmt: skip
def test_files_that_make_no_sense(tmp_path, frozen, words):
    with pytest.raises(ProjectError) as refused:
        read_project(write_frozen(tmp_path, frozen=frozen))
    assert words in str(refused.value)


def test_networks_of_other_pictures_and_tables_are_refused(tmp_path):
    for images, words in (('size = "16x8"', "the images are (1, 16, 8)"), ('size = "16x16"\ncolours = true', "(3, 16, 16)")):
        with pytest.raises(ProjectError, match="frozen: expected a network of these images") as refused:
            read_project(write_frozen(tmp_path, images=images))
        assert words in str(refused.value)
    with pytest.raises(ProjectError, match=r"model\.layers, layer 1"):
        read_project(write_frozen(tmp_path, layers='["conv2d 2 kernel 4"]'))
    path = write_project_of_tables(tmp_path)
    path.write_text(f'{path.read_text()}\n[frozen]\nfile = "{NAME}"\n')
    with pytest.raises(ProjectError, match="a frozen network takes pictures"):
        read_project(path)


def test_a_row_beside_the_images_is_refused(tmp_path):
    path = write_project_of_rows(tmp_path)
    text = path.read_text().replace('size = "8x8"', 'size = "16x16"')
    path.write_text(f'{text}[frozen]\nfile = "{NAME}"\n{SCALED}\n')
    write_backbone(tmp_path / NAME)
    with pytest.raises(ProjectError, match=r"a table beside the images, or a frozen network .* not both"):
        read_project(path)


def test_a_site_with_another_network_neither_joins_nor_enrols(proofward, tmp_path):
    pytest.importorskip("nvflare")
    path, (folder, *_) = write_frozen(tmp_path), write_folders(tmp_path / "data")
    said = proofward.json("consortium", "init", tmp_path)
    assert said["exit"] == 0, said
    project = read_project(path)
    network, kit = project.images.frozen.network, tmp_path / "kits" / "a"
    home = Home(kit / "proofward")
    for site in project.sites:
        assert (tmp_path / "kits" / site.name / "proofward" / FROZEN_NAME).read_bytes() == network.data
    assert proofward("consortium", "add-site", tmp_path, "new").exit_code == 0
    assert (tmp_path / "kits" / "new" / "proofward" / FROZEN_NAME).read_bytes() == network.data
    joined = proofward.json("join", kit)
    assert (joined["exit"], joined["frozen"]) == (0, network.digest.hex())
    other = read_frozen_network(write_backbone(tmp_path / "other.onnx", seed=2))
    home.write(FROZEN_NAME, other.data)
    digests = f"expected digest {network.digest.hex()}, found {other.digest.hex()}"
    for arguments in (("join", kit), ("enrol", kit, "--data", folder), ("check-data", kit, "--data", folder)):
        refused = proofward(*arguments)
        assert refused.exit_code == 1 and digests in refused.stderr, refused.stderr
    agreed = home.read(FEATURES_NAME)
    changed = project.images.with_frozen(replace(project.images.frozen, digest=other.digest), other)
    home.write(FEATURES_NAME, changed.to_bytes())
    refused = proofward("enrol", kit, "--data", folder)
    assert refused.exit_code == 1 and f"expected images {project.images.digest.hex()}, which the terms" in refused.stderr
    home.write(FEATURES_NAME, agreed)
    home.write(FROZEN_NAME, network.data)
    assert proofward.json("enrol", kit, "--data", folder)["rows"] == 16
    features, _ = home.dataset("a")
    assert features.shape == (16, OUTPUTS) and np.ptp(features, axis=0).max() > 0


def test_an_outside_model_behind_a_frozen_network_is_refused_with_what_to_do(proofward, tmp_path):
    path = write_frozen(tmp_path)
    text = path.read_text().replace("[model]", f'[outside_model]\ndigest = "{"0" * 64}"\n[model]', 1)
    path.write_text(text)
    said = proofward.json("consortium", "check", path)
    assert said["exit"] == 1
    assert "outside_model: expected pictures without [frozen]: put the frozen network into" in said["problems"][0]
