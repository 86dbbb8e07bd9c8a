"""Many clients, and somebody who kills the server and its workers all the time.

    /usr/bin/python3 tests/e2e/crash_harness.py --kills 1000 --seed 7

Real processes over one data directory. Clients make, train, pause, fork, cancel
and delete as a seeded generator says, and send a call again, under its request id,
until it is answered; watchers read streams from their cursors. Everybody writes a
history, and the rules of crash_history.py are checked over all of them. The seed
gives the same operations and the same kills; when exactly they happen is up to the
machine.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import field_mask_pb2

import crash_history as history
from harness import (
    ME,
    PATIENCE,
    TERMINAL,
    Api,
    Server,
    dataset_pb2,
    error_info,
    error_of,
    evaluation_pb2,
    network_pb2,
    training_pb2,
    wait_until,
)

Job = training_pb2.TrainingJob
STATE = Job.State.Name
# The server was away, or went while it answered: ask again.
AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
KEPT = 25
# Faults of the server, or the name of something of one's own: every name is new.
NEVER = {"INTERNAL", "DATA_LOSS", "ALREADY_EXISTS"}
ROWS = 800
EPOCHS = 60
NETWORKS = {"small": [784, 32, 10], "wide": [784, 96, 10]}
SPECS: dict[str, dict[str, Any]] = {
    "sgd": {"learning_rate": 0.1},
    "batches": {"learning_rate": 0.3, "batch_size": 32, "threads": 2},
    "adam": {"learning_rate": 0.001, "batch_size": 16, "optimizer": {"adam": {}}, "dropout": 0.2},
    "numpy": {
        "learning_rate": 0.02, "rng": training_pb2.NUMPY, "precision": training_pb2.F64,
        "schedule": {"cosine": {}, "warmup_epochs": 2},
    },
    "kept": {"learning_rate": 0.1, "keep_checkpoints": -1},
}  # fmt: skip


class World:
    """The server, whoever restarts it, and what all clients know."""

    def __init__(self, folder: Path, slots: int) -> None:
        self.server = Server(folder / "data", "--slots", str(slots)).start()
        self.lock = threading.Lock()
        self.target = self.server.target
        self.stop = threading.Event()
        self.calm = threading.Event()  # nobody kills any more
        self.entries: list[history.Entry] = []
        self.jobs: dict[str, tuple[Any, ...]] = {}  # recipe by name
        self.counts: collections.Counter[str] = collections.Counter()

    def note(self, **entry: Any) -> None:
        with self.lock:
            self.entries.append(entry)
            if entry["what"] == "asked":
                self.counts[f"op {entry['op']}"] += 1

    def names(self) -> list[str]:
        with self.lock:
            return list(self.jobs)


class Client:
    """Calls that are repeated until the server answers."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.target, self.api = "", None

    def connected(self) -> Api:
        if self.api is None or self.target != self.world.target:
            if self.api is not None:
                self.api.close()
            self.target = self.world.target
            self.api = Api(self.target)
        return self.api

    def call(self, what: Callable[[Api], Any]) -> Any:
        """The answer, or the error that is the server's answer."""
        deadline = time.monotonic() + 120 * PATIENCE
        while True:
            try:
                return what(self.connected())
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                assert time.monotonic() < deadline, f"{self.name}: no answer: {error}"
                self.world.stop.wait(0.02)

    def mutate(self, op: str, name: str, what: Callable[[Api], Any], request_id: str = "") -> Any:
        """Like call, with an entry before and after; None where it was refused."""
        common = {"client": self.name, "op": op, "name": name, "request_id": request_id}
        self.world.note(what="sent", **common)
        try:
            answer = self.call(what)
        except grpc.RpcError as error:
            status = error_of(error)
            reason = error_info(status).reason
            self.world.note(what="refused", code=error.code().name, reason=reason, **common)
            return None
        self.world.note(what="asked", uid=getattr(answer, "uid", ""), **common)
        if isinstance(answer, Job):
            self.saw(answer)
        return answer

    def saw(self, job: Job) -> None:
        self.world.note(
            what="seen", client=self.name, name=job.name, uid=job.uid,
            epochs=job.epochs_completed, attempt=job.attempt, state=STATE(job.state),
        )  # fmt: skip


class Student(Client):
    """Does one thing after another, drawn from a generator of its own."""

    def __init__(self, world: World, number: int, seed: int) -> None:
        super().__init__(world, f"student{number}")
        self.random = random.Random(f"{seed}/{number}")
        self.made = 0

    def new_name(self, kind: str) -> tuple[str, str, str]:
        """Id, full name and request id of something new."""
        self.made += 1
        name = f"{self.name}-{self.made}"
        return name, f"users/local/{kind}/{name}", f"{self.name}-request-{self.made}"

    def request_id(self) -> str:
        self.made += 1
        return f"{self.name}-request-{self.made}"

    def one_of(self, names: list[str]) -> str:
        return self.random.choice(sorted(names))

    def run(self, upto: int) -> None:
        operations = {
            self.train: 8, self.pause: 3, self.resume: 4, self.cancel: 1, self.fork: 2,
            self.evaluate: 1, self.delete: 1, self.upload: 1, self.look: 3,
        }  # fmt: skip
        while not self.world.stop.is_set():
            running = sum(
                job.state not in TERMINAL and job.state != Job.PAUSED for job in self.list()
            )
            operation = self.random.choices(list(operations), list(operations.values()))[0]
            # Enough to kill, and no queue that takes minutes to drain.
            if operation in (self.train, self.fork) and running >= upto:
                operation = self.look
            operation()

    def list(self) -> list[Job]:
        jobs: list[Job] = []
        token = ""
        while True:
            page = self.call(
                lambda api: api.training.ListTrainingJobs(
                    training_pb2.ListTrainingJobsRequest(
                        parent=ME, page_size=1000, page_token=token
                    )
                )
            )
            jobs += page.jobs
            token = page.next_page_token
            if not token:
                break
        for job in jobs:
            self.saw(job)
        return jobs

    def train(self) -> None:
        job_id, name, request_id = self.new_name("jobs")
        network = self.random.choice(sorted(NETWORKS))
        way = self.random.choice(sorted(SPECS))
        seed = self.random.randrange(2)
        with self.world.lock:
            self.world.jobs[name] = ("train", network, way, seed)
        spec = training_pb2.TrainingJobSpec(
            network=f"{ME}/networks/{network}", dataset=f"{ME}/datasets/rows",
            epochs=EPOCHS, seed=seed, **SPECS[way],
        )  # fmt: skip
        request = training_pb2.CreateTrainingJobRequest(
            parent=ME, job_id=job_id, job=Job(spec=spec), request_id=request_id
        )
        for _ in range(self.random.choice([1, 1, 1, 2])):  # asked again, it is the same job
            self.mutate(
                "train", name, lambda api: api.training.CreateTrainingJob(request), request_id
            )

    def with_a_job(self, op: str, method: str, request_type: Any) -> None:
        names = self.world.names()
        if not names:
            return
        name, request_id = self.one_of(names), self.request_id()
        request = request_type(name=name, request_id=request_id)
        self.mutate(op, name, lambda api: getattr(api.training, method)(request), request_id)

    def pause(self) -> None:
        self.with_a_job("pause", "PauseTrainingJob", training_pb2.PauseTrainingJobRequest)

    def resume(self) -> None:
        paused = [job.name for job in self.list() if job.state == Job.PAUSED]
        if not paused:
            return
        name, request_id = self.one_of(paused), self.request_id()
        request = training_pb2.ResumeTrainingJobRequest(name=name, request_id=request_id)
        self.mutate(
            "resume", name, lambda api: api.training.ResumeTrainingJob(request), request_id
        )

    def cancel(self) -> None:
        self.with_a_job("cancel", "CancelTrainingJob", training_pb2.CancelTrainingJobRequest)

    def delete(self) -> None:
        ended = [job.name for job in self.list() if job.state in TERMINAL]
        if len(ended) < KEPT:  # whose results are compared at the end
            return
        name, request_id = self.one_of(ended), self.request_id()
        request = training_pb2.DeleteTrainingJobRequest(name=name, request_id=request_id)
        self.mutate(
            "delete", name, lambda api: api.training.DeleteTrainingJob(request), request_id
        )

    def fork(self) -> None:
        sources = [
            job
            for job in self.list()
            if job.checkpoint_epochs and self.world.jobs[job.name][0] == "train"
        ]
        if not sources:
            return
        source = self.random.choice(sorted(sources, key=lambda job: job.name))
        epoch = self.random.choice(list(source.checkpoint_epochs))
        rate = self.random.choice([None, 0.01])
        job_id, name, request_id = self.new_name("jobs")
        with self.world.lock:
            self.world.jobs[name] = ("fork", *self.world.jobs[source.name][1:], epoch, rate)
        spec = training_pb2.TrainingJobSpec(learning_rate=rate)
        request = training_pb2.ForkTrainingJobRequest(
            name=source.name, epoch=epoch, job_id=job_id, request_id=request_id, spec=spec,
            update_mask=field_mask_pb2.FieldMask(paths=["learning_rate"] if rate else []),
        )  # fmt: skip
        self.mutate("fork", name, lambda api: api.training.ForkTrainingJob(request), request_id)

    def evaluate(self) -> None:
        done = [job.name for job in self.list() if job.state == Job.SUCCEEDED]
        if not done:
            return
        name, request_id = self.one_of(done), self.request_id()
        request = evaluation_pb2.CreateEvaluationRequest(
            parent=name, request_id=request_id,
            evaluation=evaluation_pb2.Evaluation(dataset=f"{ME}/datasets/rows"),
        )  # fmt: skip
        self.mutate(
            "evaluate", name, lambda api: api.evaluations.CreateEvaluation(request), request_id
        )

    def upload(self) -> None:
        """In pieces, each from where the server says that it is."""
        dataset_id, name, request_id = self.new_name("datasets")
        rows = "\n".join(f"{row % 3},{row},{self.random.random():.6f}" for row in range(500))
        data = rows.encode()
        create = dataset_pb2.CreateDatasetRequest(
            parent=ME, dataset_id=dataset_id, request_id=request_id,
            dataset=dataset_pb2.Dataset(upload=dataset_pb2.UploadSource()),
        )  # fmt: skip
        made = self.mutate(
            "create", name, lambda api: api.datasets.CreateDataset(create), request_id
        )
        states = (dataset_pb2.Dataset.UPLOADING, dataset_pb2.Dataset.INGESTING)
        while made is not None and made.state in states:
            done = made.parts[0] if made.parts else dataset_pb2.UploadPart()
            if done.finished or made.state == dataset_pb2.Dataset.INGESTING:
                self.world.stop.wait(0.02)
            else:
                self.write_piece(name, data, done.committed_bytes)
            made = self.call(lambda api: api.get_dataset(name))
        if made is not None:
            self.world.note(
                what="ingested", client=self.name, name=name, rows=made.row_count,
                state=dataset_pb2.Dataset.State.Name(made.state),
            )  # fmt: skip

    def write_piece(self, name: str, data: bytes, offset: int) -> None:
        piece = data[offset : offset + 4000]
        last = offset + len(piece) == len(data)
        try:
            self.connected().write(name, dataset_pb2.UploadPart.DATA, piece, offset, finish=last)
        except grpc.RpcError as error:
            # How far it has come is asked next; without a server there is nothing to ask.
            if error.code() not in AGAIN | {grpc.StatusCode.OUT_OF_RANGE}:
                raise
            self.world.stop.wait(0.02)

    def look(self) -> None:
        self.list()


class Watcher(Client):
    """Reads jobs to their end, one after another, across all breaks."""

    def __init__(self, world: World, number: int, seed: int) -> None:
        super().__init__(world, f"watcher{number}")
        self.random = random.Random(f"{seed}/watcher/{number}")
        self.watches: dict[str, history.Watch] = {}

    def run(self) -> None:
        while not self.world.stop.is_set():
            left = [
                name
                for name in self.world.names()
                if name not in self.watches or not self.watches[name].complete
            ]
            if not left:
                self.world.stop.wait(0.05)
                continue
            self.follow(self.random.choice(sorted(left)))

    def follow(self, name: str) -> None:
        watch = self.watches.setdefault(name, history.Watch(self.name, name))
        try:
            stream = self.connected().training.WatchTrainingJob(
                training_pb2.WatchTrainingJobRequest(
                    name=name, after_sequence=len(watch.events)
                ),
                # Then another one: a paused job's stream does not end.
                timeout=self.random.choice([0.5, 2, 8]) * PATIENCE,
            )
            for message in stream:
                if message.WhichOneof("kind") == "event":
                    watch.events.append(event_of(message.event))
            watch.complete = True
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:  # deleted, or not made yet
                watch.complete = any(
                    entry["what"] == "sent" and entry["op"] == "delete" and entry["name"] == name
                    for entry in list(self.world.entries)
                )
                self.world.stop.wait(0.05)
            elif error.code() not in AGAIN:
                self.world.note(
                    what="refused", client=self.name, op="watch", name=name, request_id="",
                    code=error.code().name, reason=error.details() or "",
                )  # fmt: skip
                raise
            else:
                self.world.stop.wait(0.02)


class Board(Client):
    """Reads the stream of all jobs."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "board")
        self.cursor = ""
        self.watches: dict[str, history.Watch] = {}

    def run(self) -> None:
        while not self.world.stop.is_set():
            try:
                for message in self.connected().watch_jobs(self.cursor):
                    self.take(message)
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                self.world.stop.wait(0.02)

    def take(self, message: training_pb2.WatchTrainingJobsResponse) -> None:
        self.cursor = message.cursor
        if message.WhichOneof("kind") == "event":
            name = message.event.job
            watch = self.watches.setdefault(name, history.Watch("board", name))
            watch.events.append(event_of(message.event.event))

    def catch_up(self, api: Api, last: dict[str, int]) -> None:
        """Reads on until it has each job's last event."""

        def behind() -> bool:
            return any(
                name not in self.watches or len(self.watches[name].events) < sequence
                for name, sequence in last.items()
            )

        if not behind():
            return
        stream = api.watch_jobs(self.cursor)
        for message in stream:
            self.take(message)
            if not behind():
                break
        stream.cancel()


def event_of(event: training_pb2.TrainingEvent) -> history.Event:
    kind = event.WhichOneof("kind")
    value = {
        "state_change": lambda: STATE(event.state_change.state),
        "epoch": lambda: str(event.epoch.epoch),
        "warning": lambda: f"{event.warning.reason}: {event.warning.message}",
    }.get(kind, lambda: "")()
    return history.Event(event.sequence, kind, value, event.SerializeToString(deterministic=True))


class Killer:
    """Ends processes, and starts the server again."""

    def __init__(self, world: World, seed: int, kills: int, pause: float) -> None:
        self.world = world
        self.random = random.Random(f"{seed}/killer")
        self.kills = kills
        self.pause = pause
        self.killed = 0

    def run(self) -> None:
        actions = {self.server: 40, self.worker: 45, self.both: 10, self.drain: 4, self.stopped: 1}
        while self.killed < self.kills:
            self.world.calm.wait(self.random.expovariate(1 / self.pause))
            self.random.choices(list(actions), list(actions.values()))[0]()

    def count(self, what: str, kills: int = 1) -> None:
        self.killed += kills
        with self.world.lock:
            self.world.counts[what] += kills or 1

    def restart(self) -> None:
        self.world.server.start()
        self.world.target = self.world.server.target

    def server(self) -> None:
        self.world.server.kill()
        self.count("kill server")
        self.world.calm.wait(self.random.choice([0, 0, 0.3]))
        self.restart()

    def trainers(self) -> list[int]:
        """Processes of jobs, but those of short tasks: a parser that is killed
        again and again fails its upload, and is meant to."""
        return sorted(
            pid
            for pid, line in self.world.server.workers("/jobs/").items()
            if "/evaluations/" not in line
        )

    def end(self, pids: list[int], signal_number: int) -> int:
        sent = 0
        for pid in pids:
            try:
                os.kill(pid, signal_number)
                sent += 1
            except ProcessLookupError:  # it ended by itself meanwhile
                pass
        return sent

    def worker(self) -> None:
        pids = self.trainers()
        if pids:
            self.count("kill worker", self.end([self.random.choice(pids)], signal.SIGKILL))

    def both(self) -> None:
        pids = self.trainers()
        self.world.server.kill()
        self.count("kill server")
        if pids:
            self.count("kill worker", self.end(pids, signal.SIGKILL))
        self.restart()

    def drain(self) -> None:
        assert self.world.server.process is not None
        self.world.server.process.send_signal(signal.SIGTERM)
        status = self.world.server.process.wait(60 * PATIENCE)
        assert status == 0, f"SIGTERM ended the server with {status}"
        left = self.world.server.workers()
        assert not left, f"workers outlive a drained server: {left}"
        self.world.server._forget()
        self.count("drain", 0)
        self.restart()

    def stopped(self) -> None:
        """A worker that stands still while the server goes away, and moves again
        when it has been replaced: a zombie."""
        pids = self.trainers()
        if not pids:
            return
        pid = self.random.choice(pids)
        self.end([pid], signal.SIGSTOP)
        self.world.server.kill()
        self.count("kill server")
        self.restart()
        self.count("zombie", 0)
        self.world.calm.wait(self.random.choice([1, 12]))
        self.end([pid], signal.SIGCONT)


def prepare(api: Api) -> None:
    api.digits("rows", ROWS)
    for name, units in NETWORKS.items():
        api.network(name, units, seed=3)


def undisturbed(folder: Path, recipes: set[tuple[Any, ...]]) -> dict[tuple[Any, ...], str]:
    """The weights of each recipe, from a server that nobody kills."""
    server = Server(folder / "calm").start()
    prepare(server.api)
    digests = {}
    for number, recipe in enumerate(sorted(recipes, key=repr)):
        kind, network, way, seed, *rest = recipe
        spec = {"epochs": EPOCHS, "seed": seed, **SPECS[way]}
        names = f"{ME}/networks/{network}", f"{ME}/datasets/rows"
        epoch, rate = rest or (0, None)
        if epoch == 0 and rate:  # one that goes on from the beginning
            spec["learning_rate"] = rate
        if epoch > 0:
            spec["keep_checkpoints"] = -1
        job = server.api.trained(f"j{number}", *names, **spec)
        if epoch > 0:
            forked = server.api.training.ForkTrainingJob(
                training_pb2.ForkTrainingJobRequest(
                    name=job.name, epoch=epoch, job_id=f"f{number}",
                    spec=training_pb2.TrainingJobSpec(learning_rate=rate),
                    update_mask=field_mask_pb2.FieldMask(paths=["learning_rate"] if rate else []),
                )
            )  # fmt: skip
            job = server.api.ended(forked.name)
        digests[recipe] = job.weights_digest
    server.stop()
    return digests


def settle(world: World) -> list[history.Job]:
    """Waits until nothing moves any more, and reads what there is."""
    api = world.server.api

    def listed() -> list[Job]:
        jobs: list[Job] = []
        token = ""
        while True:
            page = api.training.ListTrainingJobs(
                training_pb2.ListTrainingJobsRequest(parent=ME, page_size=1000, page_token=token)
            )
            jobs += page.jobs
            token = page.next_page_token
            if not token:
                return jobs

    def still() -> list[Job] | None:
        jobs = listed()
        return jobs if all(j.state in TERMINAL or j.state == Job.PAUSED for j in jobs) else None

    wait_until("all jobs to end", lambda: still() is not None, 300)
    return [
        history.Job(
            job.name, job.uid, STATE(job.state), job.weights_digest,
            [event_of(event) for event in api.events(job.name)], world.jobs[job.name],
        )
        for job in listed()
    ]  # fmt: skip


def all_datasets(api: Api) -> list[dataset_pb2.Dataset]:
    datasets: list[dataset_pb2.Dataset] = []
    token = ""
    while True:
        page = api.datasets.ListDatasets(
            dataset_pb2.ListDatasetsRequest(parent=ME, page_size=1000, page_token=token)
        )
        datasets += page.datasets
        token = page.next_page_token
        if not token:
            return datasets


def judge(
    world: World,
    jobs: list[history.Job],
    watches: list[history.Watch],
    digests: dict[tuple[Any, ...], str],
    datasets: dict[str, str],
) -> list[str]:
    there = {job.name: job.uid for job in jobs} | datasets
    logs = {job.name: job.log for job in jobs}
    faults = history.acknowledged_is_kept(world.entries, there)
    faults += history.one_answer_a_request(world.entries)
    faults += history.nothing_goes_back(world.entries)
    faults += history.jobs_are_settled(jobs, world.entries)
    faults += history.results_are_undisturbed(jobs, digests)
    for job in jobs:
        faults += history.log_is_a_story(job)
    for watch in watches:
        if watch.name in logs:
            faults += history.watcher_saw_the_log(watch, logs[watch.name])
    faults += [
        f"{entry['name']} was uploaded and is {entry['state']} with {entry['rows']} rows"
        for entry in world.entries
        if entry["what"] == "ingested" and (entry["state"], entry["rows"]) != ("ACTIVE", 500)
    ]
    faults += [
        f"{entry['client']}: {entry['op']} {entry['name']}: {entry['code']} {entry['reason']}"
        for entry in world.entries
        if entry["what"] == "refused" and entry["code"] in NEVER
    ]
    return faults


def run(folder: Path, seed: int, kills: int, students: int, watchers: int, pause: float = 0.25):  # type: ignore[no-untyped-def]
    """One world. Returns the violations, and what was done how often."""
    world = World(folder, slots=3)
    prepare(world.server.api)
    readers = [Watcher(world, n, seed) for n in range(watchers)]
    board = Board(world)
    clients = [Student(world, n, seed) for n in range(students)]
    killer = Killer(world, seed, kills, pause)
    try:
        with ThreadPoolExecutor(students + watchers + 1) as pool:
            tasks = [pool.submit(client.run, 4) for client in clients]
            tasks += [pool.submit(reader.run) for reader in (*readers, board)]
            try:
                killer.run()
                killed_all = True
            finally:
                world.calm.set()
                world.stop.set()
                # Streams that wait for more end with the server.
                world.server.kill()
                killer.restart()
            for task in tasks:
                task.result()
        assert killed_all
        jobs = settle(world)
        datasets = {dataset.name: dataset.uid for dataset in all_datasets(world.server.api)}
        board.catch_up(world.server.api, {job.name: job.log[-1].sequence for job in jobs})
        world.server.stop()
    finally:
        world.server.abandon()
    watches = [*board.watches.values(), *(w for r in readers for w in r.watches.values())]
    world.counts["events watched"] = sum(len(watch.events) for watch in watches)
    world.counts["jobs at the end"] = len(jobs)
    recipes = {job.recipe for job in jobs if job.state == "SUCCEEDED"}
    return judge(world, jobs, watches, undisturbed(folder, recipes), datasets), world.counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=1000, help="of servers and workers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--students", type=int, default=6)
    parser.add_argument("--watchers", type=int, default=6)
    parser.add_argument("--pause", type=float, default=0.25, help="mean seconds between kills")
    parser.add_argument("--keep", action="store_true", help="keep the data directory")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ty-"))
    started = time.monotonic()
    faults, counts = run(
        folder, options.seed, options.kills, options.students, options.watchers, options.pause
    )
    for what, count in sorted(counts.items()):
        print(f"{count:8}  {what}")
    print(f"{time.monotonic() - started:8.0f}  seconds")
    for fault in faults[:100]:
        print(f"VIOLATION  {fault}")
    print(f"{len(faults)} violations")
    if options.keep or faults:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
