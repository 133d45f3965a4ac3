"""The examples with TRL: the loss falls, on a tiny model, and nothing is downloaded."""

import re

import pytest

from integrations import tiny_trl as tiny

tiny.import_trl()
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ["trl_dpo", "trl_own_loss"])
def test_example_lowers_the_loss(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib
    from pathlib import Path

    monkeypatch.undo()  # the poison of torch.empty: TRL's kernel allocates 512 MB with it, of which it needs a part
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    importlib.import_module(name).main(["--steps", "20"])
    losses = [float(loss) for loss in re.findall(r"'loss': '([\d.]+)'", capsys.readouterr().out)]
    assert len(losses) == 4
    assert losses[3] < 0.95 * losses[0]


def test_wrong_input_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    from trl_dpo import main

    with pytest.raises(SystemExit, match=r"^error: unknown model 'no/such': expected smollm2, tiny, or a local folder"):
        main(["--model", "no/such"])
