"""What the wheel holds, built from the checkout and from the sdist, and that importing prefcore is light."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KERNELS = {f"prefcore/triton_kernels/{file.name}" for file in (ROOT / "triton_kernels").glob("*.py")}


def run(*command: str, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        command, check=False, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def maturin(*arguments: str, cwd: Path = ROOT) -> None:
    """The checkout's target folder is shared, so that only this crate is compiled again."""
    run(sys.executable, "-m", "maturin", *arguments, cwd=cwd, CARGO_TARGET_DIR=str(ROOT / "target"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    maturin("sdist", "--out", str(out))
    (archive,) = out.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module", params=["checkout", "sdist"])
def wheel(request: pytest.FixtureRequest, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    source = ROOT
    if request.param == "sdist":
        with tarfile.open(sdist) as archive:
            archive.extractall(out, filter="data")
        (source,) = (path for path in out.iterdir() if path.is_dir())
    maturin("build", "--release", "--locked", "--out", str(out), cwd=source)
    (built,) = out.glob("*.whl")
    return built


def test_wheel_holds_the_kernels_inside_the_package_only(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= KERNELS
    assert not [name for name in names if name.startswith("triton_kernels/")]  # Triton's own package has that name


def test_wheel_is_abi3_typed_and_free_of_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "-cp311-abi3-" in wheel.name
    assert {"prefcore/py.typed", "prefcore/_rust.pyi"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benches/", "examples/"))]


def test_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path), str(wheel))
    program = (
        "import importlib.util, prefcore, prefcore.groups\n"
        "print(prefcore.__file__)\n"
        "print(prefcore.groups.offsets_from_lengths([2, 3]).tolist())\n"
        "assert importlib.util.find_spec('prefcore.triton_kernels.token_stats')\n"
        "assert importlib.util.find_spec('triton_kernels') is None\n"
    )
    path, offsets = run(sys.executable, "-c", program, cwd=tmp_path, PYTHONPATH=str(tmp_path)).splitlines()
    assert Path(path).is_relative_to(tmp_path)
    assert offsets == "[0, 2, 5]"


def test_sdist_holds_files_instead_of_the_link(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = {member.name.split("/", 1)[1]: member for member in archive.getmembers()}
    for name in KERNELS:
        assert members[f"python/{name}"].isfile()
    assert "Cargo.lock" in members


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("prefcore", {"numpy", "torch", "prefcore._rust"}),
        ("prefcore.groups", {"torch", "triton"}),
        ("prefcore.pairs", {"torch", "triton"}),
        ("prefcore.metrics", {"torch", "triton"}),
        ("prefcore.losses", {"prefcore.triton_kernels", "prefcore._rust"}),
        ("prefcore.logps", {"prefcore.triton_kernels", "prefcore._rust"}),
    ],
)
def test_import_loads_nothing_heavy(module: str, absent: set[str]) -> None:
    loaded = run(sys.executable, "-c", f"import sys, {module}; print(*sys.modules)").split()
    assert module in loaded
    assert not absent & set(loaded)


def test_version_lives_in_cargo_toml_only() -> None:
    import tomllib

    import prefcore

    assert prefcore.__version__ == tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]


@pytest.mark.parametrize("use", ["base", "demo", "test", "peers"])
def test_lock_files_hold_what_their_in_files_ask_for(use: str) -> None:
    """`make lock` was run after the last change; one environment takes all of the files."""
    folder = ROOT / "requirements"
    asked = pins_of(folder / f"{use}.in")
    pins, everything = pins_of(folder / f"{use}.txt"), pins_of(folder / "peers.txt")
    assert asked
    assert asked.items() <= pins.items()
    assert all(everything.get(name, version) == version for name, version in pins.items())


def pins_of(file: Path) -> dict[str, str]:
    lines = [re.split("[#;]", line)[0].strip() for line in file.read_text().splitlines()]
    return dict(line.split("==") for line in lines if "==" in line)
