"""A class's server: joining it, its page's session, its certificate and its records."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest

from harness import (
    BIN,
    PATIENCE,
    Api,
    Class,
    Cli,
    Code,
    Server,
    admin_pb2,
    error_info,
    error_of,
    refused,
    wait_until,
)

# Joining by the command line.


def cli_of(lab: Class, home: Path) -> Cli:
    cli = Cli(lab.server.target, home)
    cli.environment["TRAINYARD_CONFIG_DIR"] = str(home / "config")
    cli.environment.pop("TRAINYARD_SERVER", None)
    return cli


def test_one_line_joins_and_everything_works(lab: Class, scratch: Path) -> None:
    teacher = cli_of(lab, scratch / "teacher")
    teacher.environment["TRAINYARD_TOKEN"] = lab.tokens["teacher"]
    teacher("login", "--server", lab.server.target, "--fingerprint", lab.fingerprint)
    del teacher.environment["TRAINYARD_TOKEN"]
    login = scratch / "teacher/config/login.json"
    assert login.stat().st_mode & 0o777 == 0o600
    roster = scratch / "roster.csv"
    roster.write_text("id,name\nnina,Nina Simone\notto,Otto Lilienthal\n")
    lines = teacher("class", "invite", "--roster", roster).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["nina", "otto"]
    line = lines[0].partition("'")[2].rstrip("'")
    nina = cli_of(lab, scratch / "nina")
    assert "users/nina" in nina("join", line)
    # Nothing but the stored login from here on.
    nina("dataset", "generate", "gate", "--kind", "and")
    nina("network", "create", "tiny", "--layers", "2,2,2")
    done = nina(
        *"train --network tiny --dataset gate --epochs 3 --learning-rate 0.1 --watch".split()
    )
    assert "SUCCEEDED" in done.upper()
    who = nina.json("whoami")
    assert who["name"] == "users/nina" and who["displayName"] == "Nina Simone"
    assert "users/" not in nina("job", "list")
    assert "users/nina/jobs/" in teacher("job", "list", "--everyone")
    assert "users/nina/jobs/" not in teacher("job", "list")
    assert "users/nina/datasets/gate" in teacher("dataset", "list", "--everyone")
    names = [user["name"] for user in teacher.json("class", "list")["users"]]
    assert "users/nina" in names and "users/otto" not in names
    stored = json.loads((scratch / "nina/config/login.json").read_text())
    token = stored["servers"][lab.server.target]["token"]
    nina("logout")
    assert token not in (scratch / "nina/config/login.json").read_text()
    refused(
        Code.UNAUTHENTICATED,
        lambda: lab.api(token).admin.GetUser(admin_pb2.GetUserRequest(name="users/me")),
    )


def test_a_code_is_not_used_up_where_its_token_cannot_be_kept(lab: Class, scratch: Path) -> None:
    invitation = admin_pb2.Invitation(user_id="careless", role=admin_pb2.STUDENT)
    code = (
        lab.user("admin")
        .admin.CreateInvitation(admin_pb2.CreateInvitationRequest(invitation=invitation))
        .code
    )
    cli = cli_of(lab, scratch / "careless")
    login = scratch / "careless/config/login.json"
    login.parent.mkdir(parents=True)
    login.write_text("{}")
    login.chmod(0o644)
    line = f"trainyard://{lab.server.target}/{code}#{lab.fingerprint}"
    assert "chmod 600" in cli.run("join", line).stderr
    login.chmod(0o600)
    assert "users/careless" in cli("join", line)


def test_a_roster_is_as_spreadsheets_write_it(lab: Class, scratch: Path) -> None:
    teacher = cli_of(lab, scratch / "rosters")
    teacher.environment["TRAINYARD_TOKEN"] = lab.tokens["teacher"]
    teacher("login", "--server", lab.server.target, "--fingerprint", lab.fingerprint)
    roster = scratch / "spreadsheet.csv"
    roster.write_bytes(b'\xef\xbb\xbfid,name\r\npia,"Curie, Pia ""P"""\r\n"quin",Quin\r\n')
    made = teacher.lines("class", "invite", "--roster", roster)
    assert [(each["userId"], each["displayName"]) for each in made] == [
        ("pia", 'Curie, Pia "P"'),
        ("quin", "Quin"),
    ]
    roster.write_text("id\nrob\nsue\nrob\n")
    result = teacher.run("class", "invite", "--roster", roster)
    assert result.returncode == 2 and "line 4: rob is in line 2 already" in result.stderr


def test_a_lost_laptop_is_out_and_another_gets_in(lab: Class, scratch: Path) -> None:
    lab.join("tess")
    admin = cli_of(lab, scratch / "lost-admin")
    admin.environment["TRAINYARD_TOKEN"] = lab.admin_token
    admin("login", "--server", lab.server.target, "--fingerprint", lab.fingerprint)
    (lost,) = admin.json("token", "list", "--user", "tess")["tokens"]
    admin("token", "revoke", lost["name"].rpartition("/")[2], "--user", "tess")
    me = admin_pb2.GetUserRequest(name="users/me")
    refused(Code.UNAUTHENTICATED, lambda: lab.user("tess").admin.GetUser(me))
    fresh = admin("token", "create", "--user", "tess", "--for", "new laptop").strip()
    assert lab.api(fresh).admin.GetUser(me).name == "users/tess"
    teacher = cli_of(lab, scratch / "lost-teacher")
    teacher.environment["TRAINYARD_TOKEN"] = lab.tokens["teacher"]
    teacher("login", "--server", lab.server.target, "--fingerprint", lab.fingerprint)
    assert teacher.run("token", "create", "--user", "tess").returncode == 1


def test_who_cannot_join_is_told_why(lab: Class, scratch: Path) -> None:
    invitation = lab.user("teacher").admin.CreateInvitation(
        admin_pb2.CreateInvitationRequest(invitation=admin_pb2.Invitation(max_uses=2))
    )
    line = f"trainyard://{lab.server.target}/{invitation.code}#{lab.fingerprint}"
    cli = cli_of(lab, scratch / "told")
    for result in (cli.run("join", line), cli.run("join", line, "--user", "teacher")):
        assert result.returncode == 1 and "--user ID" in result.stderr
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        result = cli.run("join", line.replace(lab.server.target, nobody))
    assert result.returncode == 4 and "no server answers" in result.stderr


def test_another_servers_line_is_refused(lab: Class, scratch: Path) -> None:
    cli = cli_of(lab, scratch / "wary")
    result = cli.run("join", f"trainyard://{lab.server.target}/aaaa-bbbb-cccc#{'0' * 64}")
    assert result.returncode == 3 and "is not the one that the line is for" in result.stderr
    assert cli.run("join", "nonsense").returncode == 2
    result = cli.run("--server", "192.0.2.1:7700", "job", "list")
    assert result.returncode == 3 and "has not joined" in result.stderr


def test_codes_are_not_guessed_for_long(scratch: Path) -> None:
    """From one address, over gRPC and HTTP together; from this machine nobody counts."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            address = probe.getsockname()[0]
    except OSError:
        pytest.skip("this machine has no address but loopback")
    guessed = Class(scratch / "guessed", "--http", f"{address}:0")
    guessed.server.listen = "0.0.0.0:0"
    guessed.server.start()
    port = guessed.server.target.rpartition(":")[2]
    near, far = guessed.api(), Api(f"{address}:{port}", "", guessed.authority)
    wrong = admin_pb2.JoinClassRequest(code="aaaa-bbbb-cccc", user_id="mallory")
    context = ssl.create_default_context(cadata=guessed.authority.decode())
    context.check_hostname = False
    host, http_port = guessed.server.http.split(":")

    def over_http() -> int:
        connection = http.client.HTTPSConnection(host, int(http_port), context=context, timeout=60)
        connection.request("POST", "/v1:joinClass", json.dumps({"code": "aaaa-bbbb-cccc"}))
        status = connection.getresponse().status
        connection.close()
        return status

    assert over_http() == 403

    def reason() -> str:
        with pytest.raises(grpc.RpcError) as error:
            far.admin.JoinClass(wrong)
        return error_info(error_of(error.value)).reason

    told = [reason()]
    while told[-1] == "CODE_NOT_VALID" and len(told) < 1000:
        refused(Code.PERMISSION_DENIED, lambda: near.admin.JoinClass(wrong))
        told.append(reason())
    # The one over HTTP counted, and so do those of the seconds that this took.
    assert len(told) >= 60 and told[-1] == "TOO_MANY_GUESSES"
    assert over_http() == 429
    far.close()
    guessed.close()
    guessed.server.stop()


# The same over HTTP.


def test_a_browser_exchanges_its_token_for_a_cookie(lab: Class, ada: Api) -> None:
    context = ssl.create_default_context(cadata=lab.authority.decode())
    host, port = lab.server.http.split(":")

    def ask(
        verb: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, dict[str, Any], str]:
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=60)
        connection.request(verb, path, body or None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        cookie = answer.getheader("Set-Cookie") or ""
        return answer.status, json.loads(text or b"{}"), cookie

    status, answer, _ = ask("GET", "/v1/users/me/jobs")
    assert status == 401 and answer["error"]["status"] == "UNAUTHENTICATED"
    status, _, _ = ask("POST", "/v1/session", json.dumps({"token": "tyt_wrong"}))
    assert status == 401
    status, answer, cookie = ask("POST", "/v1/session", json.dumps({"token": lab.tokens["ada"]}))
    assert status == 200 and answer["name"] == "users/ada"
    for attribute in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
        assert attribute in cookie
    session = cookie.split(";")[0]
    status, answer, _ = ask("GET", "/v1/users/me/jobs", Cookie=session)
    assert status == 200
    assert "users/ada/jobs/j" in [job["name"] for job in answer["jobs"]]
    status, _, _ = ask("GET", "/v1/users/teacher/jobs", Cookie=session)
    assert status == 404
    foreign = {"Cookie": session, "Origin": "https://elsewhere.example"}
    status, _, _ = ask("POST", "/v1/users/me/jobs/j:cancel", "{}", **foreign)
    assert status == 403
    bearer = f"Bearer {lab.tokens['ada']}"
    status, answer, _ = ask("GET", "/v1/users/me", Authorization=bearer)
    assert status == 200 and answer["role"] == "STUDENT"


def test_who_comes_without_tls_is_sent_to_it(lab: Class) -> None:
    host, _, port = lab.server.http.rpartition(":")

    def ask(verb: str, path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request(verb, path, "{}" if verb == "POST" else None,
                           {"Authorization": f"Bearer {lab.tokens['ada']}"})
        answer = connection.getresponse()
        answer.read()
        return answer

    page = ask("GET", "/?a=b")
    assert (page.status, page.headers["Location"]) == (307, f"https://{lab.server.http}/?a=b")
    # Nothing is served, whoever asks.
    assert ask("GET", "/v1/users/me").status == 307
    assert ask("POST", "/v1/users/me/networks").status == 400


# The server itself.


def test_no_secret_is_where_others_look(lab: Class, ada: Api, scratch: Path) -> None:
    ada.network("after", [2, 2])
    secrets = [token.encode() for token in lab.tokens.values()]
    data_dir = lab.server.data_dir
    for path in [*data_dir.rglob("*"), lab.server.log]:
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret in content], path
            assert path.stat().st_mode & 0o077 == 0 or path == lab.server.log, path
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes()
        except OSError:
            continue
        assert not [secret for secret in secrets if secret in line], process


def test_who_changed_what_is_written_down(lab: Class, ada: Api) -> None:
    ada.network("audited", [2, 2])
    entries = (
        lab.user("admin")
        .admin.ListAuditEntries(admin_pb2.ListAuditEntriesRequest(user="users/ada"))
        .entries
    )
    assert entries[0].method == "CreateNetwork"
    assert entries[0].resource == "users/ada/networks/audited"
    assert entries[0].token.startswith("users/ada/tokens/")
    assert [entry.id for entry in entries] == sorted((e.id for e in entries), reverse=True)
    assert entries[-1].method == "JoinClass"


def test_a_certificate_is_replaced_without_a_failed_call(lab: Class, ada: Api) -> None:
    me = admin_pb2.GetUserRequest(name="users/me")

    def shown() -> bytes:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        host, port = lab.server.target.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="trainyard") as secure:
                certificate = secure.getpeercert(binary_form=True)
                assert certificate is not None
                return certificate

    before = shown()
    renewed = subprocess.run(
        [BIN / "trainyard-server", "renew", "--data-dir", lab.server.data_dir, "--name", "lab"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "lab" in renewed.stdout

    def replaced() -> bool:
        # Connections old and new are served all the while.
        ada.admin.GetUser(me)
        fresh = Api(lab.server.target, lab.tokens["ada"], lab.authority)
        fresh.admin.GetUser(me)
        fresh.close()
        return shown() != before

    wait_until("the new certificate", replaced)


def test_a_restored_class_is_known_to_all_who_joined(
    lab: Class, ada: Api, scratch: Path
) -> None:
    copy = scratch / "restored"
    subprocess.run(
        [BIN / "trainyard-server", "backup", "--data-dir", lab.server.data_dir, "--to", copy],
        check=True,
        capture_output=True,
    )
    for path in copy.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    restored = Server(copy).start()
    api = Api(restored.target, lab.tokens["ada"], lab.authority)
    assert api.job("users/me/jobs/j").epochs_completed == 2
    api.close()
    restored.stop()
    check = [BIN / "trainyard-server", "check", "--data-dir", copy]
    assert subprocess.run(check, capture_output=True).returncode == 0
    (copy / "tls/authority.pem").unlink()
    result = subprocess.run(check, capture_output=True, text=True)
    assert result.returncode == 1 and "tls/authority.pem; restore it" in result.stdout


def test_a_class_survives_a_crash(lab: Class, ada: Api) -> None:
    lab.server.kill()
    lab.close()
    lab.server.start()
    again = lab.user("ada")
    assert again.job("users/me/jobs/j").epochs_completed == 2
    refused(Code.UNAUTHENTICATED, lambda: lab.api().job("users/ada/jobs/j"))


def test_a_backup_of_a_class_is_the_same_class(scratch: Path) -> None:
    lab = Class(scratch / "kept")
    copy = scratch / "kept-copy"
    admin = [BIN / "trainyard-server"]
    common: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60 * PATIENCE}
    lab.server.start()
    backup = subprocess.run(
        [*admin, "backup", "--data-dir", lab.server.data_dir, "--to", copy], **common
    )
    assert backup.returncode == 0, backup.stderr
    lab.server.stop()
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in (copy / "tls").iterdir())
    # Who has joined the one is known to the other.
    restored = Server(copy).start()
    with_token = Api(restored.target, lab.admin_token, lab.authority)
    me = admin_pb2.GetUserRequest(name="users/me")
    assert with_token.admin.GetUser(me).name == "users/admin"
    with_token.close()
    restored.stop()
    checked = subprocess.run([*admin, "check", "--data-dir", copy], **common)
    assert checked.returncode == 0, checked.stdout
    for name, remedy in {"authority.pem": "restore it", "server.key": "renew"}.items():
        (copy / "tls" / name).unlink()
        checked = subprocess.run([*admin, "check", "--data-dir", copy], **common)
        assert checked.returncode == 1
        (fault,) = [line for line in checked.stdout.splitlines() if f"/{name}" in line]
        assert fault.startswith("FAULT") and remedy in fault


def test_a_class_is_not_made_twice_nor_served_in_the_open(scratch: Path) -> None:
    made = Class(scratch / "twice")
    result = subprocess.run(
        [BIN / "trainyard-server", "init", "--data-dir", scratch / "twice"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1 and "has users already" in result.stderr
    made.server.start()
    plain = Api(made.server.target)
    with pytest.raises(grpc.RpcError) as error:
        plain.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert error.value.code() == Code.UNAVAILABLE
    plain.close()
    made.server.stop()


def test_a_lost_administrators_token_is_replaced_where_the_directory_is(scratch: Path) -> None:
    def new_token(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "trainyard-server", "token", "--data-dir", data_dir, *options],
            capture_output=True,
            text=True,
            timeout=60 * PATIENCE,
        )

    made = Class(scratch / "lost")
    made.server.start()
    made.join("second", admin_pb2.ADMIN)
    made.join("student")
    running = new_token(made.server.data_dir)
    assert running.returncode == 1 and "another server" in running.stderr, running.stderr
    made.close()
    made.server.stop()
    several = new_token(made.server.data_dir)
    assert several.returncode == 1 and "users/admin, users/second" in several.stderr
    student = new_token(made.server.data_dir, "--admin", "student")
    assert student.returncode == 1 and "no administrator student" in student.stderr
    done = new_token(made.server.data_dir, "--admin", "second")
    words = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
    assert words["fingerprint"] == made.fingerprint
    made.server.start()
    again = made.api(words["token"])
    who = again.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert who.name == "users/second" and who.role == admin_pb2.ADMIN
    entries = again.admin.ListAuditEntries(admin_pb2.ListAuditEntriesRequest()).entries
    assert "trainyard-server token" in [entry.method for entry in entries]
    made.close()
    made.server.stop()
    nobody = new_token(scratch / "nothing")
    assert nobody.returncode == 1 and "trainyard-server init" in nobody.stderr


def test_a_single_user_server_stays_on_loopback(scratch: Path) -> None:
    server = Server(scratch / "single")
    result = subprocess.run(
        [BIN / "trainyard-server", "--data-dir", server.data_dir, "--listen", "0.0.0.0:0"],
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
    )
    assert result.returncode == 1 and "trainyard-server init" in result.stderr
