#!/usr/bin/env python3
"""A class of thirty on one server, each with the command line in processes of their
own: TLS, joining by a line, uploading, training and watching. One floods the queue,
one uploads rubbish, one asks for what others have. Prints how long the others
waited, how the CPU was shared, and what those three got.

  tests/bench/class_evening.py [--students 30] [--slots 2]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import BIN, Class, Cli, admin_pb2, training_pb2  # noqa: E402

# Some seconds of one core: long enough that jobs are in one another's way.
EPOCHS = 500
SPEC = f"--epochs {EPOCHS} --learning-rate 0.05 --batch-size 32"
FLOOD = 200


class Student:
    def __init__(self, lab: Class, name: str, home: Path, line: str) -> None:
        self.name = name
        self.cli = Cli(lab.server.target, home)
        self.cli.environment["TRAINYARD_CONFIG_DIR"] = str(home / "config")
        del self.cli.environment["TRAINYARD_SERVER"]
        self.first_epoch = self.ended = 0.0
        self.joined = self.timed("join", line)

    def timed(self, *arguments: str) -> float:
        begun = time.monotonic()
        self.cli(*arguments)
        return time.monotonic() - begun

    def prepare(self, rows: Path) -> None:
        self.cli("dataset", "create", "digits", "--file", rows)
        self.cli("network", "create", "net", "--layers", "64,100,50,4")

    def submit(self, job: str) -> None:
        words = f"train --network net --dataset digits --id {job} {SPEC}"
        self.cli(*words.split())

    def watch(self, job: str) -> None:
        """Follows a job of theirs, and notes when its first epoch came and its end."""
        begun = time.monotonic()
        watching = subprocess.Popen(
            self.command("job", "watch", job, "--output", "json"),
            env=self.cli.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert watching.stdout is not None
        for line in watching.stdout:
            if "epoch" in json.loads(line) and not self.first_epoch:
                self.first_epoch = time.monotonic() - begun
        watching.wait()
        self.ended = time.monotonic() - begun

    def command(self, *arguments: str) -> list[Any]:
        return [BIN / "trainyard", *arguments]


def rows_file(path: Path) -> Path:
    lines = []
    for row in range(2000):
        label = row % 4
        values = ((row * 31 + column * 17 + label * 61) % 256 for column in range(64))
        lines.append(f"{label}," + ",".join(map(str, values)))
    path.write_text("\n".join(lines) + "\n")
    return path


def invited(lab: Class, scratch: Path, students: int) -> list[Student]:
    names = [f"student-{n}" for n in range(students)] + ["flooder", "rubbish", "nosy"]
    made = []
    for name in names:
        code = (
            lab.user("admin")
            .admin.CreateInvitation(
                admin_pb2.CreateInvitationRequest(
                    invitation=admin_pb2.Invitation(user_id=name)
                )
            )
            .code
        )
        line = f"trainyard://{lab.server.target}/{code}#{lab.fingerprint}"
        made.append(Student(lab, name, scratch / name, line))
    return made


def flood(student: Student) -> tuple[int, str]:
    """How many of FLOOD jobs were taken, and what was said of the first that was not."""
    taken, refused = 0, ""
    for n in range(FLOOD):
        words = f"train --network net --dataset digits --id flood-{n} {SPEC}"
        done = student.cli.run(*words.split())
        taken += done.returncode == 0
        if done.returncode and not refused:
            refused = done.stderr.strip().splitlines()[0]
    return taken, refused


def epochs_of(lab: Class, user: str) -> int:
    """Done so far, in all jobs of a user."""
    request = training_pb2.ListTrainingJobsRequest(parent=f"users/{user}", page_size=1000)
    jobs = lab.user("admin").training.ListTrainingJobs(request).jobs
    return sum(job.epochs_completed for job in jobs)


def ask_for_others(student: Student) -> list[str]:
    said = []
    for words in (
        "job show users/student-0/jobs/j",
        "dataset preview users/student-0/datasets/digits --row 0",
        "class list",
        "job list",
    ):
        done = student.cli.run(*words.split())
        said.append(f"{words}: exit {done.returncode}, {(done.stderr or done.stdout).splitlines()[0]}")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--slots", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ty-") as folder:
        scratch = Path(folder)
        rows = rows_file(scratch / "rows.csv")
        lab = Class(scratch / "d", "--slots", str(options.slots))
        lab.server.start()
        *students, flooder, rubbish, nosy = invited(lab, scratch, options.students)
        for student in [*students, flooder]:
            student.prepare(rows)
        taken, refused = flood(flooder)
        (scratch / "bad.csv").write_text("0,1,2\n1,two,3\n")
        bad = rubbish.cli.run("dataset", "create", "bad", "--file", scratch / "bad.csv")
        before = epochs_of(lab, "flooder")
        threads = []
        for student in students:
            student.submit("j")
            threads.append(threading.Thread(target=student.watch, args=("j",)))
            threads[-1].start()
        said = ask_for_others(nosy)
        for thread in threads:
            thread.join()
        firsts = sorted(student.first_epoch for student in students)
        print(f"joined in           {statistics.median(s.joined for s in students):.3f} s median")
        print(
            f"first epoch after   {firsts[0]:.1f} / {statistics.median(firsts):.1f} / "
            f"{firsts[-1]:.1f} s (first, median, last of {len(firsts)})"
        )
        ends = sorted(student.ended for student in students)
        print(f"end after           {ends[0]:.1f} / {statistics.median(ends):.1f} / {ends[-1]:.1f} s")
        flooded = epochs_of(lab, "flooder") - before
        share = flooded / (flooded + EPOCHS * len(students))
        print(
            f"flooder             {taken} of {FLOOD} jobs taken; {flooded / EPOCHS:.1f} jobs' worth "
            f"was trained while the others' {len(students)} were: {share:.1%} of all\n"
            f"                    then: {refused or 'none was refused'}"
        )
        print(f"rubbish             exit {bad.returncode}: {bad.stderr.strip().splitlines()[0]}")
        for line in said:
            print(f"nosy                {line}")
        lab.close()
        lab.server.abandon()


if __name__ == "__main__":
    main()
