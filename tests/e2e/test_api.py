"""What holds for every call: names, retries, dry runs, pages, and errors that a
program can read."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from calls import methods
from harness import (
    ME,
    PATIENCE,
    ROWS,
    Api,
    Server,
    dataset_pb2,
    error_info,
    error_of,
    evaluation_pb2,
    job_request,
    network_pb2,
    refused,
    training_pb2,
    violations,
    wait_until,
)

EMPTY_ARE_ERRORS = [pytest.param(*method, id=method[0].rpartition("/")[2]) for method in methods()]


@pytest.fixture(scope="module")
def data(api: Api) -> dataset_pb2.Dataset:
    return api.active("data", ROWS)


@pytest.fixture(scope="module")
def network(api: Api) -> network_pb2.Network:
    return api.network("net", [2, 3, 2], seed=1)


@pytest.fixture(scope="module")
def job(
    api: Api, data: dataset_pb2.Dataset, network: network_pb2.Network
) -> training_pb2.TrainingJob:
    return api.trained("job", network.name, data.name, epochs=2, learning_rate=0.1)


def network_request(network_id: str, **fields: Any) -> network_pb2.CreateNetworkRequest:
    spec = network_pb2.NetworkSpec(input_count=2, layers=[network_pb2.LayerSpec(units=2)])
    return network_pb2.CreateNetworkRequest(
        parent=ME, network_id=network_id, network=network_pb2.Network(spec=spec), **fields
    )


@pytest.mark.parametrize("path,sends,streams,request_type,response_type", EMPTY_ARE_ERRORS)
def test_an_empty_request_is_an_error_that_says_why(
    api: Api, path: str, sends: bool, streams: bool, request_type: Any, response_type: Any
) -> None:
    kind = ("stream" if sends else "unary") + "_" + ("stream" if streams else "unary")
    call = getattr(api.channel, kind)(
        path,
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    empty = iter([request_type()]) if sends else request_type()
    with pytest.raises(grpc.RpcError) as error:
        answer = call(empty, timeout=30 * PATIENCE)
        if streams:
            list(answer)
    assert error.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    ), error.value
    status = error_of(error.value)
    assert error_info(status).domain == "trainyard" and error_info(status).reason
    if error.value.code() == grpc.StatusCode.INVALID_ARGUMENT:
        assert violations(status), "no field is named"


def test_names_are_full_and_the_caller_is_local(
    data: dataset_pb2.Dataset, network: network_pb2.Network, job: training_pb2.TrainingJob
) -> None:
    assert data.name == "users/local/datasets/data"
    assert network.name == "users/local/networks/net"
    assert job.name == "users/local/jobs/job"
    assert len({data.uid, network.uid, job.uid, ""}) == 4


def test_me_is_the_caller(api: Api, data: dataset_pb2.Dataset) -> None:
    assert api.get_dataset("users/me/datasets/data") == data
    assert api.get_dataset("users/local/datasets/data") == data


def test_another_user_is_not_found(api: Api) -> None:
    refused(grpc.StatusCode.NOT_FOUND, lambda: api.get_dataset("users/mallory/datasets/data"))
    refused(
        grpc.StatusCode.NOT_FOUND,
        lambda: api.networks.ListNetworks(network_pb2.ListNetworksRequest(parent="users/mallory")),
    )


@pytest.mark.parametrize("bad", ["", "A", "1a", "-a", "a-", "a_b", "a/b", "é", "a" * 64, "a b"])
def test_an_id_that_is_none_is_refused(api: Api, bad: str) -> None:
    status = refused(
        grpc.StatusCode.INVALID_ARGUMENT, lambda: api.networks.CreateNetwork(network_request(bad))
    )
    assert "network_id" in violations(status)


def test_the_longest_and_the_shortest_id_are_good(api: Api) -> None:
    for good in ("a", "a" * 63, "a--9"):
        assert api.networks.CreateNetwork(network_request(good)).name.endswith("/" + good)


def test_what_is_there_is_not_made_twice(
    api: Api, data: dataset_pb2.Dataset, network: network_pb2.Network, job: training_pb2.TrainingJob
) -> None:
    exists = grpc.StatusCode.ALREADY_EXISTS
    refused(exists, lambda: api.networks.CreateNetwork(network_request("net")))
    refused(exists, lambda: api.create_dataset("data", upload=dataset_pb2.UploadSource()))
    refused(exists, lambda: api.train("job", network.name, data.name, epochs=1, learning_rate=0.1))


def test_what_is_not_there_is_not_found(api: Api, network: network_pb2.Network) -> None:
    absent = grpc.StatusCode.NOT_FOUND
    refused(absent, lambda: api.get_dataset(f"{ME}/datasets/none"))
    refused(absent, lambda: api.delete_dataset(f"{ME}/datasets/none"))
    refused(absent, lambda: api.job(f"{ME}/jobs/none"))
    refused(absent, lambda: api.evaluated(f"{ME}/jobs/none", f"{ME}/datasets/data"))
    refused(
        absent,
        lambda: api.train(
            "orphan", network.name, f"{ME}/datasets/none", epochs=1, learning_rate=0.1
        ),
    )
    refused(
        absent,
        lambda: api.networks.DeleteNetwork(
            network_pb2.DeleteNetworkRequest(name=f"{ME}/networks/none")
        ),
    )


def test_a_retry_returns_the_first_answer(api: Api) -> None:
    request = network_request("retried", request_id="the-same")
    first = api.networks.CreateNetwork(request)
    assert api.networks.CreateNetwork(request) == first

    deletion = network_pb2.DeleteNetworkRequest(name=first.name, request_id="delete-once")
    api.networks.DeleteNetwork(deletion)
    api.networks.DeleteNetwork(deletion)
    # The first answer stands, also after what it made has gone.
    assert api.networks.CreateNetwork(request) == first
    refused(
        grpc.StatusCode.NOT_FOUND,
        lambda: api.networks.GetNetwork(network_pb2.GetNetworkRequest(name=first.name)),
    )


def test_a_retried_job_runs_once(
    api: Api, data: dataset_pb2.Dataset, network: network_pb2.Network
) -> None:
    request = job_request("", network.name, data.name, epochs=1, learning_rate=0.1)
    request.request_id = "job-once"
    names = {api.training.CreateTrainingJob(request).name for _ in range(3)}
    assert len(names) == 1
    request.request_id = "job-twice"
    other = api.training.CreateTrainingJob(request).name
    assert other not in names
    for name in (*names, other):
        api.ended(name)


def test_another_request_under_the_same_id_is_refused(api: Api) -> None:
    api.networks.CreateNetwork(network_request("once", request_id="reused"))
    status = refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        lambda: api.networks.CreateNetwork(network_request("twice", request_id="reused")),
    )
    assert "request_id" in violations(status)


def test_validate_only_makes_nothing(server: Server, data: dataset_pb2.Dataset) -> None:
    api = server.api
    files = server.files("datasets", "jobs")
    uploads = server.files("uploads")  # that of `data` may be about to go
    network = api.networks.CreateNetwork(network_request("dry", validate_only=True))
    assert network.parameter_count == 2 * 2 + 2
    assert [shape.input_count for shape in network.layer_shapes] == [2]
    api.datasets.CreateDataset(
        dataset_pb2.CreateDatasetRequest(
            parent=ME,
            dataset_id="dry",
            dataset=dataset_pb2.Dataset(upload=dataset_pb2.UploadSource()),
            validate_only=True,
        )
    )
    api.datasets.DeleteDataset(dataset_pb2.DeleteDatasetRequest(name=data.name, validate_only=True))
    absent = grpc.StatusCode.NOT_FOUND
    refused(absent, lambda: api.get_dataset(f"{ME}/datasets/dry"))
    refused(
        absent,
        lambda: api.networks.GetNetwork(network_pb2.GetNetworkRequest(name=f"{ME}/networks/dry")),
    )
    assert api.get_dataset(data.name) == data
    assert server.files("datasets", "jobs") == files
    assert server.files("uploads") <= uploads


def test_pages_put_together_are_the_list(api: Api) -> None:
    for n in range(7):
        api.networks.CreateNetwork(network_request(f"page-{n}"))
    whole = api.networks.ListNetworks(network_pb2.ListNetworksRequest(parent=ME)).networks
    assert [n.name.rpartition("/")[2] for n in whole if "/page-" in n.name] == [
        f"page-{n}" for n in range(7)
    ]
    paged: list[network_pb2.Network] = []
    token = ""
    while True:
        page = api.networks.ListNetworks(
            network_pb2.ListNetworksRequest(parent=ME, page_size=2, page_token=token)
        )
        assert len(page.networks) <= 2
        paged.extend(page.networks)
        token = page.next_page_token
        if not token:
            break
    assert paged == list(whole)


@pytest.mark.parametrize(
    "fields,field", [({"page_size": -1}, "page_size"), ({"page_token": "nonsense"}, "page_token")]
)
def test_a_bad_page_is_refused(api: Api, fields: dict[str, Any], field: str) -> None:
    status = refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        lambda: api.networks.ListNetworks(network_pb2.ListNetworksRequest(parent=ME, **fields)),
    )
    assert field in violations(status)


def test_a_deleted_name_is_free_and_its_files_are_gone(server: Server) -> None:
    api = server.api
    files = server.files("datasets", "uploads", "jobs")
    uids = set()
    for rows in (ROWS, ROWS + b"1,9,9\n"):
        data = api.active("reused", rows)
        network = api.network("reused", [2, 2])
        job = api.trained("reused", network.name, data.name, epochs=1, learning_rate=0.1)
        uids |= {data.uid, network.uid, job.uid}
        api.training.DeleteTrainingJob(training_pb2.DeleteTrainingJobRequest(name=job.name))
        api.networks.DeleteNetwork(network_pb2.DeleteNetworkRequest(name=network.name))
        api.delete_dataset(data.name)
        refused(grpc.StatusCode.NOT_FOUND, lambda name=job.name: api.job(name))
        refused(grpc.StatusCode.NOT_FOUND, lambda name=job.name: list(api.watch(name)))
    assert len(uids) == 6
    wait_until(
        "the files to be removed", lambda: server.files("datasets", "uploads", "jobs") <= files
    )


def test_the_same_rows_are_stored_once_and_until_the_last_name_goes(server: Server) -> None:
    api = server.api
    one, two = (api.active(f"copy-{n}", b"0,5\n1,6\n") for n in range(2))
    assert one.digest == two.digest
    api.delete_dataset(one.name)
    preview = api.datasets.PreviewDataset(
        dataset_pb2.PreviewDatasetRequest(name=two.name, start_row=1)
    )
    assert [list(row.features) for row in preview.rows] == [[6]]
    assert preview.rows[0].label == 1
    api.delete_dataset(two.name)
    wait_until("its files to be removed", lambda: one.digest not in server.files("datasets"))


def test_a_dataset_in_use_is_not_deleted(api: Api, network: network_pb2.Network) -> None:
    data = api.active("in-use", ROWS + b"0,7,7\n")
    job = api.train("user", network.name, data.name, epochs=1_000_000, learning_rate=0.01)
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: api.delete_dataset(data.name))
    refused(
        grpc.StatusCode.FAILED_PRECONDITION,
        lambda: api.training.DeleteTrainingJob(
            training_pb2.DeleteTrainingJobRequest(name=job.name)
        ),
    )
    api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=job.name))
    ended = api.ended(job.name)
    api.delete_dataset(data.name)
    # What it has trained stays.
    assert api.job(ended.name) == ended


def test_a_network_in_use_keeps_its_copy_in_the_job(api: Api, data: dataset_pb2.Dataset) -> None:
    network = api.network("short-lived", [2, 4, 2], seed=7)
    job = api.trained("keeps-it", network.name, data.name, epochs=1, learning_rate=0.1)
    api.networks.DeleteNetwork(network_pb2.DeleteNetworkRequest(name=network.name))
    assert api.job(job.name).network_spec == network.spec
    assert api.evaluated(job.name, data.name).state == evaluation_pb2.Evaluation.SUCCEEDED


@pytest.mark.parametrize(
    "change,field",
    [
        ({"input_count": 0}, "input_count"),
        ({"input_count": -5}, "input_count"),
        ({"layers": []}, "layers"),
        ({"layers": [network_pb2.LayerSpec(units=0)]}, "units"),
        ({"layers": [network_pb2.LayerSpec(units=2)] * 65}, "layers"),
        (
            {"layers": [network_pb2.LayerSpec(units=2, activation=network_pb2.SOFTMAX)] * 2},
            "activation",
        ),
        (
            {
                "initializer": network_pb2.Initializer(
                    uniform=network_pb2.UniformInitializer(low=1, high=-1)
                )
            },
            "uniform",
        ),
    ],
)
def test_a_bad_network_names_its_field(api: Api, change: dict[str, Any], field: str) -> None:
    spec = {"input_count": 2, "layers": [network_pb2.LayerSpec(units=2)]} | change
    request = network_pb2.CreateNetworkRequest(
        parent=ME,
        network_id="bad",
        network=network_pb2.Network(spec=network_pb2.NetworkSpec(**spec)),
    )
    status = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: api.networks.CreateNetwork(request))
    assert any(field in named for named in violations(status)), status


def test_a_network_answers_with_its_shapes(api: Api) -> None:
    network = api.network("reference", [784, 500, 200, 10])
    assert network.parameter_count == 494710
    assert [(s.input_count, s.unit_count, s.bias_count) for s in network.layer_shapes] == [
        (784, 500, 500),
        (500, 200, 200),
        (200, 10, 10),
    ]
    assert network.spec.bias and network.spec.loss == network_pb2.TOTAL_SQUARED_ERROR
    assert {layer.activation for layer in network.spec.layers} == {network_pb2.SIGMOID}
    assert network.spec.initializer.uniform.low == -0.5
    bare = api.network("bare", [784, 10], bias=False)
    assert bare.parameter_count == 7840


def test_a_network_too_large_for_anything_is_refused(api: Api) -> None:
    with pytest.raises(grpc.RpcError) as error:
        api.network("huge", [1 << 20, 1 << 30, 1 << 30])
    assert error.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )


def test_evaluations_are_listed_with_their_job(
    api: Api, job: training_pb2.TrainingJob, data: dataset_pb2.Dataset
) -> None:
    made = [api.evaluated(job.name, data.name) for _ in range(2)]
    listed = api.evaluations.ListEvaluations(
        evaluation_pb2.ListEvaluationsRequest(parent=job.name)
    ).evaluations
    assert list(listed) == made
    completed = [
        event.evaluation.evaluation
        for event in api.events(job.name)
        if event.WhichOneof("kind") == "evaluation"
    ]
    assert completed == [evaluation.name for evaluation in made]


def test_a_row_that_is_not_there_is_out_of_range(api: Api, data: dataset_pb2.Dataset) -> None:
    for start in (4, 1 << 40):
        refused(
            grpc.StatusCode.OUT_OF_RANGE,
            lambda start=start: api.datasets.PreviewDataset(
                dataset_pb2.PreviewDatasetRequest(name=data.name, start_row=start)
            ),
        )


def test_a_dataset_not_uploaded_yet_cannot_be_used(api: Api, network: network_pb2.Network) -> None:
    name = api.create_dataset("empty-handed", upload=dataset_pb2.UploadSource()).name
    for call in (
        lambda: api.train("early", network.name, name, epochs=1, learning_rate=0.1),
        lambda: api.datasets.PreviewDataset(dataset_pb2.PreviewDatasetRequest(name=name)),
    ):
        refused(grpc.StatusCode.FAILED_PRECONDITION, call)
    api.delete_dataset(name)


def test_a_message_over_the_limit_is_refused(api: Api) -> None:
    name = api.create_dataset("too-much", upload=dataset_pb2.UploadSource()).name
    request = dataset_pb2.WriteDatasetRequest
    with pytest.raises(grpc.RpcError) as error:
        api.datasets.WriteDataset(
            iter(
                [
                    request(name=name, part=dataset_pb2.UploadPart.DATA),
                    request(chunk=b"0" * (8 << 20)),
                ]
            )
        )
    assert error.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
    assert api.get_dataset(name).parts[0].committed_bytes == 0


def test_health_says_serving(api: Api) -> None:
    serving = b"\x08\x01"  # HealthCheckResponse{status: SERVING}
    assert api.call("/grpc.health.v1.Health/Check", b"") == serving


def test_reflection_lists_the_services(api: Api) -> None:
    reflect = api.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=None,
        response_deserializer=None,
    )
    list_services = b"\x3a\x01*"  # ServerReflectionRequest{list_services: "*"}
    answer = next(iter(reflect(iter([list_services]), timeout=30 * PATIENCE)))
    services = {path.split("/")[1] for path, *_ in methods()} | {"grpc.health.v1.Health"}
    for service in services:
        assert service.encode() in answer
        # and describes each, field 4: file_containing_symbol
        symbol = b"\x22" + bytes([len(service)]) + service.encode()
        described = next(iter(reflect(iter([symbol]), timeout=30 * PATIENCE)))
        assert service.rpartition(".")[2].encode() in described
        assert b"not found" not in described.lower()


def test_a_method_that_is_not_there_is_unimplemented(api: Api) -> None:
    with pytest.raises(grpc.RpcError) as error:
        api.call("/trainyard.v1.TrainingService/NoSuchMethod", b"")
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_message_that_cannot_be_parsed_is_an_error_of_that_call(api: Api) -> None:
    with pytest.raises(grpc.RpcError):
        api.call("/trainyard.v1.TrainingService/GetTrainingJob", b"\xff\xff\xff")
    with pytest.raises(grpc.RpcError):
        api.channel.unary_stream(
            "/trainyard.v1.TrainingService/WatchTrainingJob",
            request_serializer=None,
            response_deserializer=None,
        )(b"\xff\xff\xff", timeout=30 * PATIENCE).next()
    assert api.call("/grpc.health.v1.Health/Check", b"")
