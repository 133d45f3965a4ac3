"""`prefcore score`: the log-probs are those of the model's own logits, whatever the batches and interruptions."""

import gzip
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra torch is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    pytest.importorskip("transformers", reason="transformers is not installed")

import torch

from integrations import tiny_pairs
from prefcore.cli._progress import Progress
from prefcore.integrations.transformers import preference_collator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
PAIRS = tiny_pairs.pairs(12)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Policy and reference as they are saved; contexts of 64 tokens."""
    tokenizer = tiny_pairs.tokenizer()
    tokenizer.chat_template = TEMPLATE
    found = []
    for seed, name in enumerate(("policy", "ref")):
        found.append(tmp_path_factory.mktemp(name))
        tiny_pairs.model(seed, **SMALL, num_key_value_heads=1, max_position_embeddings=64).save_pretrained(found[-1])
        tokenizer.save_pretrained(found[-1])
    return found[0], found[1]


def expected(folder: Path, rows: list[dict[str, Any]]) -> list[list[tuple[float, int, float]]]:
    """Log-prob, tokens and mean entropy of both sides of each pair from whole logits, one sequence at a time."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).double().eval()
    collate = preference_collator(AutoTokenizer.from_pretrained(folder))
    found = []
    for row in rows:
        batch = collate([row])
        sides = []
        for ids, labels, seen in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
            n = int(seen.sum())
            with torch.no_grad():
                logps = model(input_ids=ids[None, :n]).logits[0, :-1].log_softmax(-1)
            counted = labels[1:n] != -100
            own = logps.gather(-1, ids[1:n, None])[counted].sum()
            entropy = -(logps.exp() * logps).sum(-1)[counted].mean()
            sides.append((float(own), int(counted.sum()), float(entropy)))
        found.append(sides)
    return found


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("batch_tokens", [1, 100, 8192])
def test_pairs_get_the_log_probs_of_the_logits(
    run: Any, lines: Callable[..., Path], tmp_path: Path, folders: tuple[Path, Path], batch_tokens: int
) -> None:
    out = tmp_path / "out.jsonl"
    path = lines("in.jsonl", *(row | {"id": n} for n, row in enumerate(PAIRS)))
    ran = run("score", path, "--model", folders[0], "--ref", folders[1], "--out", out, "--batch-tokens", batch_tokens)
    assert (ran.code, ran.err) == (0, "")
    policy, ref = (expected(folder, PAIRS) for folder in folders)
    for n, row in enumerate(rows(out)):
        assert {name: row[name] for name in ("prompt", "chosen", "rejected", "id")} == PAIRS[n] | {"id": n}
        for side, name in enumerate(("chosen", "rejected")):
            own, tokens, entropy = policy[n][side]
            assert row[f"{name}_logps"] == pytest.approx(own, rel=1e-5)
            assert row[f"{name}_tokens"] == tokens
            assert row[f"{name}_entropy"] == pytest.approx(entropy, rel=1e-5)
            assert row[f"ref_{name}_logps"] == pytest.approx(ref[n][side][0], rel=1e-5)
            assert row[f"{name}_reward"] == row[f"{name}_logps"] - row[f"ref_{name}_logps"]
    assert list(tmp_path.glob("*.part")) == []
    assert "12 rows read = 12 kept + 0 rejected" in ran.out


def test_means_and_every_format(
    run: Any, lines: Callable[..., Path], tmp_path: Path, folders: tuple[Path, Path]
) -> None:
    import pyarrow.parquet as pq

    path = lines("in.jsonl.gz", *PAIRS)
    found = run("score", path, "--model", folders[0], "--out", tmp_path / "o.parquet", "--json").json
    table = pq.read_table(tmp_path / "o.parquet").to_pydict()
    want = expected(folders[0], PAIRS)
    assert table["chosen_logps"] == pytest.approx([sides[0][0] for sides in want], rel=1e-5)
    assert found["means"]["rejected_tokens"] == sum(table["rejected_tokens"]) / 12
    assert "ref_chosen_logps" not in table
    assert found["rows"] == {"read": 12, "kept": 12, "rejected": 0}


def test_lists_single_completions_and_answers_of_an_arena(
    run: Any, lines: Callable[..., Path], tmp_path: Path, folders: tuple[Path, Path]
) -> None:
    """The same texts in four layouts have the same log-probs; messages go through the chat template."""
    row = PAIRS[0]
    texts, sides = [row["chosen"], row["rejected"]], expected(folders[0], [row])[0]

    def scored(*given: dict[str, Any]) -> list[dict[str, Any]]:
        ran = run(
            "score", lines("in.jsonl", *given), "--model", folders[0], "--out", tmp_path / "o.jsonl", "--overwrite"
        )
        assert ran.code == 0, ran.err
        return rows(tmp_path / "o.jsonl")

    own = [logp for logp, _, _ in sides]
    rated = scored({"prompt": row["prompt"], "completions": texts, "scores": [1, 0]})[0]
    assert rated["logps"] == pytest.approx(own, rel=1e-5)
    assert rated["tokens"] == [tokens for _, tokens, _ in sides]
    single = scored(*({"prompt": row["prompt"], "completion": text, "label": True} for text in texts))
    assert [one["logps"] for one in single] == pytest.approx(own, rel=1e-5)
    arena = {"prompt": row["prompt"], "response_a": texts[0], "response_b": texts[1], "winner": "model_b"}
    found = scored(arena)[0]
    assert [found["logps_a"], found["logps_b"]] == pytest.approx(own, rel=1e-5)
    talk = {"prompt": [{"role": "user", "content": row["prompt"]}]}
    talk |= {name: [{"role": "assistant", "content": row[name]}] for name in ("chosen", "rejected")}
    found = scored(talk)[0]
    assert found["chosen_logps"] == pytest.approx(expected(folders[0], [talk])[0][0][0], rel=1e-5)


@pytest.fixture
def long_file(lines: Callable[..., Path]) -> Path:
    """Three windows of rows, of which some cannot be scored and one cannot be read."""
    short = [{"prompt": f"Is {n} odd?", "chosen": " Yes.", "rejected": " No, not at all."} for n in range(300)]
    short[5]["chosen"] = "word " * 70
    short[200]["chosen"] = "word " * 70
    return lines("in.jsonl", *short[:20], "no JSON", *short[20:])


@pytest.mark.parametrize("torn", [False, True])
def test_an_interrupted_run_goes_on(
    run: Any, long_file: Path, tmp_path: Path, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, torn: bool
) -> None:
    """Ctrl-C in the third of three windows, the last line cut off or not: the file is that of a run in one piece."""
    from prefcore.cli._scoring import Scorer

    def command(name: str, *more: object) -> Any:
        files = ["--out", tmp_path / f"{name}.jsonl", "--rejects", tmp_path / f"{name}.bad"]
        return run("score", long_file, "--model", folders[0], "--ref", folders[1], *files, *more)

    assert command("whole").code == 0
    scores, calls = Scorer.scores, []

    def counted(self: Any, sequences: Any, *rest: Any) -> Any:
        calls.append(len(sequences))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return scores(self, sequences, *rest)

    monkeypatch.setattr(Scorer, "scores", counted)
    ran = command("parts")
    assert (ran.code, ran.err) == (130, "prefcore: interrupted after 256 rows; --resume goes on there\n")
    assert not (tmp_path / "parts.jsonl").exists()
    ran = command("parts")
    assert (ran.code, "--resume goes on, --overwrite begins anew" in ran.err) == (4, True)
    part = tmp_path / "parts.jsonl.part"
    if torn:
        part.write_bytes(part.read_bytes()[:-9])
    calls[:] = [0, 0, 0]
    assert command("parts", "--resume").code == 0
    assert calls[3:] == ([2 * 127, 2 * 44] if torn else [2 * 44])
    assert (tmp_path / "parts.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert (tmp_path / "parts.bad").read_bytes() == (tmp_path / "whole.bad").read_bytes()
    bad = rows(tmp_path / "parts.bad")
    assert sorted(row["line"] for row in bad) == [6, 21, 202]
    assert bad[2]["reason"].startswith("completion 0: ")
    assert bad[2]["reason"].endswith("tokens, the model takes 64")
    assert not part.exists()


def test_other_inputs_are_not_resumed(
    run: Any, lines: Callable[..., Path], tmp_path: Path, folders: tuple[Path, Path]
) -> None:
    rows = [*PAIRS, PAIRS[0] | {"chosen": "word " * 70}]
    path, out = lines("in.jsonl", *rows), tmp_path / "o.jsonl"
    ran = run("score", path, "--model", folders[0], "--out", out)
    assert (ran.code, "line 13: completion 0: " in ran.err) == (3, True), ran.err
    options = ["--out", out, "--resume", "--rejects", tmp_path / "bad"]
    ran = run("score", path, "--model", folders[1], *options)
    assert (ran.code, "had another model; give it again, or begin anew with --overwrite" in ran.err) == (2, True)
    ran = run("score", lines("in.jsonl", *rows[1:]), "--model", folders[0], *options)
    assert (ran.code, "had another file" in ran.err) == (2, True)
    assert run("score", lines("in.jsonl", *rows), "--model", folders[0], *options).code == 0
    assert len(out.read_text().splitlines()) == 12


def test_what_is_wrong_is_told(
    run: Any, lines: Callable[..., Path], tmp_path: Path, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = lines("in.jsonl", *PAIRS), tmp_path / "o.jsonl"

    def told(code: int, text: str, *options: object, file: Path = path) -> None:
        ran = run("score", file, "--out", out, "--overwrite", *options)
        assert (ran.code, text in ran.err) == (code, True), ran.err
        assert not out.exists()

    told(3, "must be a folder with config.json, as save_pretrained writes it", "--model", tmp_path)
    told(2, "--device nowhere: ", "--model", folders[0], "--device", "nowhere")
    twice = lines("twice.jsonl", PAIRS[0] | {"chosen_logps": 1.0})
    told(3, "line 1: has a column 'chosen_logps' already; rename it", "--model", folders[0], file=twice)
    mixed = lines("mixed.jsonl", {"prompt": "a", "completion": [{"role": "user", "content": "b"}], "label": True})
    told(3, "line 1: completion 0: prompt and completion must both be text", "--model", folders[0], file=mixed)
    empty = lines("empty.jsonl", {"prompt": "a", "completions": [], "scores": []})
    told(3, "line 1: there is no completion", "--model", folders[0], file=empty)
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "transformers" else name)
    told(2, "score needs transformers: pip install 'prefcore[torch]' transformers", "--model", folders[0])


def test_models_that_do_not_fit(
    run: Any, lines: Callable[..., Path], tmp_path: Path, folders: tuple[Path, Path]
) -> None:
    """Another vocabulary, too few embeddings, weights that are no numbers, no causal model at all."""
    path, out = lines("in.jsonl", *PAIRS), tmp_path / "o.jsonl"
    other, few, nan, none = (tmp_path / name for name in ("other", "few", "nan", "none"))
    tiny_pairs.model(0, **SMALL, num_key_value_heads=1).save_pretrained(other)
    tiny_pairs.tokenizer(400).save_pretrained(other)
    tiny_pairs.model(0, **SMALL, num_key_value_heads=1, vocab_size=300).save_pretrained(few)
    tiny_pairs.tokenizer().save_pretrained(few)
    broken = tiny_pairs.model(0, **SMALL, num_key_value_heads=1)
    none.mkdir()
    (none / "config.json").write_text('{"model_type": "no-such-model"}')
    ran = run("score", path, "--model", folders[0], "--ref", other, "--out", out)
    assert (ran.code, "has other tokens than --model; log-probs do not compare" in ran.err) == (3, True), ran.err
    ran = run("score", path, "--model", few, "--out", out)
    assert (ran.code, "--model: the tokenizer has token" in ran.err) == (3, True), ran.err
    ran = run("score", path, "--model", none, "--out", out)
    assert (ran.code, ran.err.startswith(f"prefcore: --model {none}: ")) == (3, True), ran.err
    with torch.no_grad():
        broken.lm_head.weight[0, 0] = float("inf")
    broken.save_pretrained(nan)
    tiny_pairs.tokenizer().save_pretrained(nan)
    ran = run("score", path, "--model", nan, "--out", out)
    assert (ran.code, "line 1" in ran.err or "differ by" in ran.err) == (3, True), ran.err
    assert not out.exists()


def test_the_time_that_is_left() -> None:
    """Rows of an earlier run do not count as fast ones."""
    told = Progress("f", total=100, done=20)._told(60, 20.0)
    assert told == "60 of 100, 2/s, 0:00:20 left"
    assert Progress("f", total=100)._told(0, 1.0) == "0 of 100, 0/s"


def test_bad_lines_are_set_aside_and_counted(
    run: Any, lines: Callable[..., Path], tmp_path: Path, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every kind one; what is scored are the good rows, and the sum is told."""
    monkeypatch.setattr("prefcore.cli._files.LONGEST", 1 << 10)
    bad = ['{"x": NaN}', '{"x": 1e999}', '{"x": 1, "x": 2}', '{"x": ', "[1]", "{}", '"' + "x" * 3000 + '"']
    path = lines("in.jsonl", PAIRS[0], *bad, "", PAIRS[1] | {"chosen": 3}, PAIRS[2])
    with path.open("ab") as file:
        file.write(b"\xff\r\n")
    out, aside = tmp_path / "o.jsonl", tmp_path / "bad"
    ran = run("score", path, "--model", folders[0], "--out", out)
    assert (ran.code, ran.out, out.exists()) == (3, "", False)
    assert "line 2: not JSON: NaN is no JSON number" in ran.err
    ran = run("score", path, "--model", folders[0], "--out", out, "--rejects", aside, "--overwrite")
    assert (ran.code, ran.err) == (0, "")
    assert "11 rows read = 2 kept + 9 rejected" in ran.out
    assert [row["line"] for row in rows(aside)] == [2, 3, 4, 5, 6, 7, 8, 10, 12]
    assert [row["chosen"] for row in rows(out)] == [PAIRS[0]["chosen"], PAIRS[2]["chosen"]]
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(path.read_bytes())[:100])
    ran = run("score", cut, "--model", folders[0], "--out", tmp_path / "o2.jsonl", "--rejects", tmp_path / "bad2")
    assert (ran.code, "the compressed stream ends too early" in ran.err) == (3, True)
    assert not (tmp_path / "o2.jsonl").exists()
