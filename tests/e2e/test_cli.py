"""The command line: spellings, what is printed, and exit codes that scripts
rely on."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import BIN, Cli, Server

DONE, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 4


@pytest.fixture(scope="module")
def prepared(cli: Cli, scratch: Path) -> Cli:
    """With a dataset `rows`, a network `net` and a job that has succeeded."""
    file = scratch / "rows.csv"
    file.write_text("\n".join(f"{n % 2},{n % 2},{n % 5}" for n in range(50)))
    cli("dataset", "create", "rows", "--file", file)
    cli("network", "create", "net", "--layers", "2,4,2", "--seed", "3")
    cli(*TRAIN, "--watch")
    return cli


TRAIN = (
    "train",
    "--network",
    "net",
    "--dataset",
    "rows",
    "--epochs",
    "3",
    "--learning-rate",
    "0.1",
)


@pytest.fixture(scope="module")
def job(prepared: Cli) -> str:
    return prepared.json("job", "list")["jobs"][0]["name"].rpartition("/")[2]


def test_json_has_the_names_that_scripts_read(prepared: Cli, job: str) -> None:
    dataset = prepared.json("dataset", "show", "rows")
    assert dataset["name"] == "users/local/datasets/rows"
    assert dataset["rowCount"] == "50" and dataset["featureCount"] == 2
    assert dataset["classCount"] == 2 and dataset["labelHistogram"] == ["25", "25"]
    assert len(dataset["digest"]) == 64 and dataset["state"] == "ACTIVE"

    assert prepared.json("network", "show", "net")["parameterCount"] == "22"

    shown = prepared.json("job", "show", job)
    assert shown["state"] == "SUCCEEDED"
    assert shown["epochsCompleted"] == 3 and shown["attempt"] == 1
    assert len(shown["weightsDigest"]) == 64
    assert shown["queuePosition"] == 0 and shown["queueReason"] == ""
    spec = shown["spec"]
    assert spec["network"] == "users/local/networks/net" and spec["batchSize"] == 1
    assert spec["precision"] == "F32"

    evaluation = prepared.json("evaluate", job, "--dataset", "rows")
    assert 0 <= evaluation["accuracy"] <= 1 and evaluation["rowCount"] == "50"
    assert evaluation["confusionMatrix"]["size"] == 2
    assert len(evaluation["confusionMatrix"]["counts"]) == 4
    assert len(evaluation["scorecard"]["success"]) == 2


def test_train_prints_the_job_and_then_its_events(prepared: Cli) -> None:
    first, *events = prepared.lines(*TRAIN, "--watch")
    assert first["name"].startswith("users/local/jobs/") and "spec" in first
    assert [event["sequence"] for event in events] == [str(n + 1) for n in range(len(events))]
    assert all(event["attempt"] in (0, 1) for event in events)
    epoch = next(event["epoch"] for event in events if "epoch" in event)
    for field in ("epoch", "cost", "meanCost", "trainAccuracy", "seconds", "samplesPerSecond"):
        assert field in epoch
    assert "validationCost" not in epoch
    states = [event["stateChange"]["state"] for event in events if "stateChange" in event]
    assert states == ["QUEUED", "RUNNING", "SUCCEEDED"]

    name = first["name"]
    assert prepared.lines("job", "watch", name) == events
    assert prepared.lines("job", "watch", name, "--after", "3") == events[3:]
    assert prepared.json("job", "wait", name)["state"] == "SUCCEEDED"


def test_without_watch_train_prints_the_job_alone(prepared: Cli) -> None:
    name = prepared.json(*TRAIN)["name"]
    prepared("job", "wait", name)


def test_global_options_go_before_and_after_the_subcommand(prepared: Cli) -> None:
    after = prepared("network", "show", "net", "--output", "json")
    assert prepared("--output", "json", "network", "show", "net") == after
    server = prepared.environment["TRAINYARD_SERVER"]
    elsewhere = Cli("127.0.0.1:1", Path(prepared.environment["HOME"]))
    for arguments in (
        ("--server", server, "network", "show", "net"),
        ("network", "--server", server, "show", "net"),
        ("network", "show", "net", "--server", server),
    ):
        elsewhere(*arguments)


def test_names_are_full_or_bare(prepared: Cli, job: str) -> None:
    bare = prepared.json("job", "show", job)
    for name in (f"users/local/jobs/{job}", f"users/me/jobs/{job}"):
        assert prepared.json("job", "show", name) == bare


@pytest.mark.parametrize(
    "arguments,status",
    [
        (("dataset", "show", "none"), FAILED),
        (("dataset", "create", "missing", "--file", "/nonexistent"), USAGE),
        (("network", "create", "net", "--layers", "2,4,2"), FAILED),
        (("network", "create", "Bad_Id", "--layers", "2,4,2"), FAILED),
        (("job", "wait", "none"), FAILED),
        (("train", "--network", "none", "--dataset", "rows", "--epochs", "1",
          "--learning-rate", "0.1"), FAILED),
        (("evaluate", "none", "--dataset", "rows"), FAILED),
        ((), USAGE),
        (("nonsense",), USAGE),
        (("dataset",), USAGE),
        (("dataset", "create"), USAGE),
        (("network", "create", "x", "--layers", "2,b,2"), USAGE),
        (("network", "create", "x", "--layers", "2,2", "--activation", "nonsense"), USAGE),
        (("network", "list", "--output", "yaml"), USAGE),
        (("train", "--network", "net", "--nonsense"), USAGE),
        (("train", "--network", "net", "--dataset", "rows", "--epochs", "1"), USAGE),
        (("predict", "first", "--dataset", "rows"), USAGE),
        (("--help",), DONE),
        (("train", "--help"), DONE),
        (("--version",), DONE),
    ],
)  # fmt: skip
def test_exit_codes(prepared: Cli, arguments: tuple[str, ...], status: int) -> None:
    done = prepared.run(*arguments)
    assert done.returncode == status, done.stdout + done.stderr
    if status:
        assert done.stderr.strip(), "nothing says why"


def test_a_server_that_is_not_there_is_its_own_exit_code(cli: Cli) -> None:
    for arguments in (("network", "list"), ("job", "watch", "j"), (*TRAIN, "--watch")):
        done = cli.run(*arguments, "--server", "127.0.0.1:1")
        assert done.returncode == UNREACHABLE, done.stderr
        assert "127.0.0.1:1" in done.stderr


def test_a_job_that_fails_is_seen_in_the_exit_code(prepared: Cli) -> None:
    prepared("network", "create", "steep", "--layers", "2,8,2", "--activation", "relu,linear")
    name = prepared.json(
        "train", "--network", "steep", "--dataset", "rows", "--epochs", "50",
        "--learning-rate", "1e6",
    )["name"]  # fmt: skip
    waited = prepared.json("job", "wait", name, status=FAILED)
    assert waited["state"] == "FAILED"
    (info,) = [d for d in waited["error"]["details"] if d["@type"].endswith("ErrorInfo")]
    assert info["reason"] == "DIVERGED"
    prepared("job", "watch", name)
    prepared("job", "watch", name, "--exit-status", status=FAILED)


def test_a_bad_file_says_where_and_exits_with_1(prepared: Cli, scratch: Path) -> None:
    file = scratch / "bad.csv"
    file.write_text("0,1\n1,what\n")
    done = prepared.run("dataset", "create", "bad", "--file", file)
    assert done.returncode == FAILED
    said = done.stdout + done.stderr
    assert "line 2" in said and "what" in said


def test_a_dry_run_makes_nothing(prepared: Cli) -> None:
    before = prepared.json("job", "list")
    dry = prepared.json(*TRAIN, "--dry-run")
    assert dry["estimate"]["parameterCount"] == "22"
    assert prepared.json("job", "list") == before
    assert "22" in prepared(*TRAIN, "--dry-run")


def test_a_request_id_makes_a_retry_harmless(prepared: Cli) -> None:
    first = prepared.json(*TRAIN, "--request-id", "cli-once")
    assert prepared.json(*TRAIN, "--request-id", "cli-once")["name"] == first["name"]
    prepared("job", "wait", first["name"])


def test_tables_are_for_people(prepared: Cli, job: str) -> None:
    assert "rows" in prepared("dataset", "list")
    assert "net" in prepared("network", "list")
    listed = prepared("job", "list")
    assert job in listed and "SUCCEEDED" in listed
    shown = prepared("evaluate", job, "--dataset", "rows")
    assert "accuracy" in shown.lower()
    assert "\x1b" not in shown, "escape codes off a terminal"
    lines = prepared(*TRAIN, "--watch")
    assert "\r" not in lines and "\x1b" not in lines
    assert "SUCCEEDED" in lines


def test_a_preview_draws_the_digit(prepared: Cli) -> None:
    generated = prepared.json(
        "dataset", "generate", "digits", "--kind", "digits", "--rows", "20", "--seed", "4"
    )
    assert generated["rowCount"] == "20" and generated["classCount"] == 10
    drawn = prepared("dataset", "preview", "digits", "--row", "7")
    assert len([line for line in drawn.splitlines() if line.strip()]) >= 10
    row = prepared.json("dataset", "preview", "digits", "--row", "7")["rows"][0]
    assert len(row["features"]) == 784 and row["row"] == "7"
    prepared("dataset", "preview", "digits", "--row", "20", status=FAILED)


def test_gates_and_points_are_generated(prepared: Cli) -> None:
    def generate(name: str, *options: str, status: int = 0) -> Any:
        words = ("dataset", "generate", name, "--kind", *options)
        return prepared(*words, status=status) if status else prepared.json(*words)

    gate = generate("gate", "nand")
    assert gate["rowCount"] == "4" and gate["labelHistogram"] == ["1", "3"]
    last = prepared.json("dataset", "preview", "gate", "--row", "3")["rows"][0]
    assert last["features"] == [1, 1] and last["label"] == 0
    generate("none", "xor", "--rows", "100", status=FAILED)

    spiral = generate("spiral", "spiral", "--rows", "300", "--noise", "0.1", "--seed", "2")
    assert spiral["task"] == "CLASSIFICATION" and spiral["labelHistogram"] == ["150", "150"]
    assert generate("again", "spiral", "--rows", "300", "--noise", "0.1", "--seed", "2")[
        "digest"
    ] == spiral["digest"]
    generate("none", "spiral", "--noise", "0.6", status=FAILED)

    for kind in ("plane", "gauss-regression"):
        made = generate(kind, kind, "--rows", "50")
        assert made["task"] == "REGRESSION" and made["targetCount"] == 1
        assert len(prepared.json("dataset", "preview", kind, "--row", "0")["rows"][0]["targets"]) == 1


def test_predict_takes_a_row_of_a_dataset_or_a_file(prepared: Cli, job: str, scratch: Path) -> None:
    of_row = prepared.json("predict", job, "--dataset", "rows", "--row", "1")["predictions"][0]
    assert of_row["label"] == 1 and len(of_row["outputs"]) == 2
    file = scratch / "row.csv"
    file.write_text("1,1\n")
    of_file = prepared.json("predict", job, "--file", file)["predictions"][0]
    assert of_file["outputs"] == of_row["outputs"]


def test_evaluations_are_kept(prepared: Cli, job: str) -> None:
    made = prepared.json("evaluate", job, "--dataset", "rows")
    listed = prepared.json("evaluation", "list", job)["evaluations"]
    assert made in listed
    assert prepared.json("evaluation", "show", made["name"]) == made


def test_a_job_may_be_given_its_id(prepared: Cli) -> None:
    assert prepared.json(*TRAIN, "--id", "mine")["name"] == "users/local/jobs/mine"
    prepared(*TRAIN, "--id", "mine", status=FAILED)
    prepared("job", "wait", "mine")


def test_cancel_and_delete(prepared: Cli) -> None:
    name = prepared.json(
        "train", "--network", "net", "--dataset", "rows", "--epochs", "1000000",
        "--learning-rate", "0.01",
    )["name"]  # fmt: skip
    prepared("job", "delete", name, status=FAILED)
    prepared("job", "cancel", name)
    assert prepared.json("job", "wait", name, status=FAILED)["state"] == "CANCELLED"
    prepared("job", "delete", name)
    prepared("job", "show", name, status=FAILED)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_a_script_of_that_shell(cli: Cli, scratch: Path, shell: str) -> None:
    script = scratch / f"completion.{shell}"
    script.write_text(cli("completion", shell))
    for word in ("dataset", "train", "evaluate", "--learning-rate"):
        assert word in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)


def test_bash_completes_commands_and_options(cli: Cli, scratch: Path) -> None:
    script = scratch / "completion.bash"
    script.write_text(cli("completion", "bash"))
    probe = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        spec=$(complete -p trainyard); function=${spec##*-F }; function=${function%% *}
        "$function" trainyard "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """

    def complete(*words: str) -> set[str]:
        done = subprocess.run(
            ["bash", "-c", probe, "probe", script, "trainyard", *words],
            env=cli.environment | {"PATH": f"{BIN}:{cli.environment['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
        return {line.strip() for line in done.stdout.splitlines()}

    assert {"dataset", "network", "train", "job"} <= complete("")
    assert "train" in complete("tr")
    assert {"create", "list", "show"} <= complete("dataset", "")
    assert "--learning-rate" in complete("train", "--lea")


def test_a_port_that_is_taken_is_an_error(server: Server, scratch: Path) -> None:
    second = subprocess.run(
        [BIN / "trainyard-server", "--data-dir", scratch / "second", "--listen", server.target],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode not in (0, -6, -11)
    assert not second.stdout and server.target in second.stderr


def test_a_server_off_loopback_is_refused(scratch: Path) -> None:
    done = subprocess.run(
        [BIN / "trainyard-server", "--data-dir", scratch / "third", "--listen", "0.0.0.0:0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode not in (0, -6, -11) and not done.stdout


def test_a_data_directory_whose_path_is_too_long_says_so(scratch: Path) -> None:
    done = subprocess.run(
        [BIN / "trainyard-server", "--data-dir", scratch / ("x" * 120), "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode not in (0, -6, -11)
    assert "long" in done.stderr and not done.stdout


def test_json_is_one_line_a_message(prepared: Cli) -> None:
    for line in prepared("dataset", "list", "--output", "json").splitlines():
        json.loads(line)


@pytest.mark.parametrize("value", ["1e30", "1.5", "nan", "-inf"])
def test_a_quota_of_bytes_is_a_whole_number(cli: Cli, value: str) -> None:
    done = cli.run("class", "settings", "--quota", f"checkpoint_bytes={value}")
    assert done.returncode == 2
    assert f"{value} is no number that checkpoint_bytes can be; it is a whole number" in done.stderr


def test_verify_trains_again_and_compares(prepared: Cli, job: str) -> None:
    lines = prepared("job", "verify", job).splitlines()
    assert lines[-1] == "VERIFIED"
    again = next(line for line in lines if line.startswith("again"))
    assert "(deleted)" in again
    prepared("job", "show", again.split()[1], status=1)
    kept = prepared.json("job", "verify", job, "--keep")
    assert kept["verifies"].endswith(f"/jobs/{job}") or kept["verifies"] == job
    assert prepared.json("job", "show", kept["name"])["weightsDigest"] == kept["weightsDigest"]


def test_verify_compares_the_epochs_that_are_kept(
    new_server: Callable[..., Server], scratch: Path
) -> None:
    server = new_server("--keep-events", "1000")
    cli = Cli(server.target, scratch / "trimmed")
    cli("dataset", "generate", "gate", "--kind", "xor")
    cli("network", "create", "tiny", "--layers", "2,2,2")
    cli(*"train --id long --network tiny --dataset gate --epochs 1500 --learning-rate 0.5".split())
    server.api.ended("users/me/jobs/long")
    lines = cli("job", "verify", "long").splitlines()
    assert lines[-1] == "VERIFIED" and any("that are kept" in line for line in lines)
    server.stop()


def test_verify_says_why_it_could_not_train_again(
    new_server: Callable[..., Server], scratch: Path
) -> None:
    server = new_server()
    cli = Cli(server.target, scratch / "damaged")
    cli("dataset", "generate", "gate", "--kind", "xor")
    cli("network", "create", "tiny", "--layers", "2,2,2")
    cli(*"train --id one --network tiny --dataset gate --epochs 3 --learning-rate 0.5".split())
    server.api.ended("users/me/jobs/one")
    (targets,) = server.data_dir.glob("datasets/*/targets.npy")
    targets.unlink()
    done = cli.run("job", "verify", "one")
    assert done.returncode == 1 and "state    FAILED  " in done.stdout
    assert "targets.npy" in done.stdout and "NOT VERIFIED: it was not trained" in done.stdout
    assert "differ" not in done.stdout
    server.stop()


def test_watch_needs_a_job_or_all(prepared: Cli) -> None:
    assert "--all" in prepared.run("job", "watch").stderr
    prepared("job", "watch", status=2)
    assert "cursor" in prepared.run("job", "watch", "--all", "--cursor", "no-cursor").stderr


def test_logs_tell_what_happened_and_when(prepared: Cli, job: str) -> None:
    lines = prepared("job", "logs", job).splitlines()
    events = prepared.lines("job", "logs", job)
    assert len(lines) == len(events) == int(prepared.json("job", "show", job)["lastSequence"])
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S", line) for line in lines)
    assert [event["sequence"] for event in events] == [str(n + 1) for n in range(len(events))]
    assert prepared("job", "logs", job, "--tail", "2").splitlines() == lines[-2:]


def test_jobs_are_compared(prepared: Cli) -> None:
    for name, rate in (("calm", "0.1"), ("same", "0.1"), ("bold", "0.5")):
        prepared(*TRAIN[:-1], rate, "--id", name, "--watch")
    text = prepared("job", "compare", "calm", "same", "bold")
    assert re.search(r"learning rate +0\.1 +0\.1 +0\.5", text)
    assert "batch size" not in text and "cost of epoch 3" in text
    assert "calm and same: costs of 3 epochs are equal to the bit, and so are the weights" in text
    assert "calm and bold: costs differ from epoch 1 on" in text
    prepared("job", "compare", "calm", status=USAGE)


def test_a_list_is_watched_until_it_is_interrupted(prepared: Cli) -> None:
    with subprocess.Popen(
        [BIN / "trainyard", "job", "list", "--watch"],
        stdout=subprocess.PIPE,
        text=True,
        env=prepared.environment,
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("NAME")
        prepared(*TRAIN, "--id", "seen", "--watch")
        for line in watching.stdout:
            if line.startswith("seen") and "SUCCEEDED" in line:
                break
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
    assert watching.returncode == 130


def test_open_prints_where_the_page_is(cli: Cli, server: Server, scratch: Path) -> None:
    assert "starts it with --http" in cli.run("open").stderr
    other = Server(scratch / "page", "--http", "127.0.0.1:0").start()
    try:
        here = Cli(other.target, scratch)
        answer = here.run("open")
        if "built without its page" in answer.stderr:
            pytest.skip("the server was built without the dashboard")
        assert answer.stdout == f"http://{other.http}/\n"
        other.api.digits("digits", 100)
        here("network", "create", "n", "--layers", "784,10")
        here("train", "--network", "n", "--dataset", "digits", "--epochs", "1",
             "--learning-rate", "0.1", "--id", "j", "--watch")
        assert here("open", "j") == f"http://{other.http}/#/users/local/jobs/j\n"
        assert here.run("open", "none").returncode == FAILED
    finally:
        other.abandon()
