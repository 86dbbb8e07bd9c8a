"""Many clients, and somebody who kills the server and its workers all the time.

    /usr/bin/python3 tests/e2e/crash_harness.py --kills 1000 --seed 7

Real processes over one data directory. Clients make, train, pause, fork, cancel
and delete as a seeded generator says, and send a call again, under its request id,
until it is answered; watchers read streams from their cursors; a zombie says to be
workers that have been replaced. Everybody writes a history, and the rules of
crash_history.py are checked over all of them. The seed gives the same operations and
the same kills; when exactly they happen is up to the machine.
"""
from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from google.protobuf import field_mask_pb2

import crash_history as history
from crash_clients import EPOCHS, NETWORKS, ROWS, SPECS, STATE, Job, Student, World
from crash_watchers import Board, Watcher, event_of
from crash_zombie import Zombie
from harness import (
    ME,
    PATIENCE,
    STUBS,
    TERMINAL,
    Api,
    Server,
    dataset_pb2,
    training_pb2,
    wait_until,
)

# Faults of the server, or the name of something of one's own: every name is new.
NEVER = {"INTERNAL", "DATA_LOSS", "ALREADY_EXISTS"}
SLOW_WRITES = {
    "LD_PRELOAD": str(STUBS.parent / "libtrainyard_slow_writes.so"),
    "TRAINYARD_SLOW_WRITES": "trainyard.db-wal",
}


class Killer:
    """Ends processes, and starts the server again."""

    def __init__(self, world: World, seed: int, kills: int, pause: float) -> None:
        self.world = world
        self.random = random.Random(f"{seed}/killer")
        self.kills = kills
        self.pause = pause
        self.killed = 0

    def run(self) -> None:
        weights = {self.server: 40, self.worker: 45, self.both: 10, self.drain: 4, self.stopped: 1}
        due = list(weights)  # each way at least once, in a short run, too
        while due or self.killed < self.kills:
            self.world.calm.wait(self.random.expovariate(1 / self.pause))
            ways = due if self.killed >= self.kills else list(weights)
            way = self.random.choices(ways, [weights[one] for one in ways])[0]
            if way() and way in due:
                due.remove(way)

    def count(self, what: str, kills: int = 1) -> None:
        self.killed += kills
        with self.world.lock:
            self.world.counts[what] += kills or 1

    def restart(self) -> None:
        # Commits that take long are more often killed in the middle.
        self.world.server.environment = self.random.choice([{}, SLOW_WRITES])
        self.world.server.start()
        self.world.target = self.world.server.target

    def server(self) -> bool:
        self.world.server.kill()
        self.count("kill server")
        self.world.calm.wait(self.random.choice([0, 0, 0.3]))
        self.restart()
        return True

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

    def worker(self) -> bool:
        pids = self.trainers()
        killed = self.end([self.random.choice(pids)], signal.SIGKILL) if pids else 0
        if killed:
            self.count("kill worker", killed)
        return killed > 0

    def both(self) -> bool:
        pids = self.trainers()
        self.world.server.kill()
        self.count("kill server")
        if pids:
            self.count("kill worker", self.end(pids, signal.SIGKILL))
        self.restart()
        return True

    def drain(self) -> bool:
        assert self.world.server.process is not None
        self.world.server.process.send_signal(signal.SIGTERM)
        status = self.world.server.process.wait(60 * PATIENCE)
        assert status == 0, f"SIGTERM ended the server with {status}"
        # One whose server before had been killed ends by itself, once it is scheduled.
        try:
            wait_until("its workers to end", lambda: not self.world.server.workers(), 30)
        except AssertionError as error:
            left = self.world.server.workers()
            raise AssertionError(f"workers outlive a drained server: {left}") from error
        self.world.server._forget()
        self.count("drain", 0)
        self.restart()
        return True

    def stopped(self) -> bool:
        """A worker that stands still while the server goes away, and moves again
        when it has been replaced: a zombie."""
        pids = self.trainers()
        if not pids:
            return False
        pid = self.random.choice(pids)
        self.end([pid], signal.SIGSTOP)
        self.world.server.kill()
        self.count("kill server")
        self.restart()
        self.count("worker stopped", 0)
        self.world.calm.wait(self.random.choice([1, 12]))
        self.end([pid], signal.SIGCONT)
        return True


def prepare(api: Api) -> None:
    api.digits("rows", ROWS)
    for name, units in NETWORKS.items():
        api.network(name, units, seed=3)


def undisturbed(
    folder: Path, recipes: set[tuple[Any, ...]]
) -> dict[tuple[Any, ...], history.Result]:
    """What each recipe comes to, on a server that nobody kills."""
    server = Server(folder / "calm").start()
    try:
        prepare(server.api)
        results = {}
        for number, recipe in enumerate(sorted(recipes, key=repr)):
            job = calm_job(server.api, number, recipe)
            epochs = [event_of(event) for event in server.api.events(job.name)]
            costs = {event.value: event.cost for event in epochs if event.kind == "epoch"}
            results[recipe] = history.Result(job.weights_digest, costs)
        server.stop()
    finally:
        server.abandon()
    return results


def calm_job(api: Api, number: int, recipe: tuple[Any, ...]) -> Job:
    kind, network, way, seed, *rest = recipe
    spec = {"epochs": EPOCHS, "seed": seed, **SPECS[way]}
    names = f"{ME}/networks/{network}", f"{ME}/datasets/rows"
    epoch, rate = rest or (0, None)
    if epoch == 0 and rate:  # one that goes on from the beginning
        spec["learning_rate"] = rate
    if epoch == 0:
        return api.trained(f"j{number}", *names, **spec)
    job = api.trained(f"j{number}", *names, **spec | {"keep_checkpoints": -1})
    forked = api.training.ForkTrainingJob(
        training_pb2.ForkTrainingJobRequest(
            name=job.name, epoch=epoch, job_id=f"f{number}",
            spec=training_pb2.TrainingJobSpec(learning_rate=rate),
            update_mask=field_mask_pb2.FieldMask(paths=["learning_rate"] if rate else []),
        )
    )  # fmt: skip
    return api.ended(forked.name)


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
    results: dict[tuple[Any, ...], history.Result],
    datasets: dict[str, str],
) -> list[str]:
    there = {job.name: job.uid for job in jobs} | datasets
    logs = {job.name: job.log for job in jobs}
    faults = history.acknowledged_is_kept(world.entries, there)
    faults += history.one_answer_a_request(world.entries)
    faults += history.nothing_goes_back(world.entries)
    faults += history.jobs_are_settled(jobs, world.entries)
    faults += history.results_are_undisturbed(jobs, results)
    faults += history.the_replaced_are_refused(world.entries)
    faults += history.streams_go_on(world.entries)
    for job in jobs:
        faults += history.log_is_a_story(job)
        faults += history.attempts_are_counted(job)
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
        if entry["what"] == "refused" and entry["op"] != "watch" and entry["code"] in NEVER
    ]
    return faults


def run(folder: Path, seed: int, kills: int, students: int, watchers: int, pause: float = 0.25):  # type: ignore[no-untyped-def]
    """One world. Returns the violations, and what was done how often."""
    world = World(folder, slots=3)
    prepare(world.server.api)
    readers = [Watcher(world, n, seed) for n in range(watchers)]
    board = Board(world)
    zombie = Zombie(world, seed)
    clients = [Student(world, n, seed) for n in range(students)]
    killer = Killer(world, seed, kills, pause)
    try:
        with ThreadPoolExecutor(students + watchers + 2) as pool:
            tasks = [pool.submit(client.run, 4) for client in clients]
            tasks += [pool.submit(reader.run) for reader in (*readers, board, zombie)]
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
