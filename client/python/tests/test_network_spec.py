"""Networks in words."""

from __future__ import annotations

import numpy as np
import pytest

from trainyard._network_spec import derived_id, make_network_spec
from trainyard.v1 import network_pb2


def test_the_defaults_are_the_notebooks() -> None:
    spec = make_network_spec([784, 500, 200, 10])
    assert spec.input_count == 784
    assert [layer.units for layer in spec.layers] == [500, 200, 10]
    assert {layer.activation for layer in spec.layers} == {network_pb2.ACTIVATION_UNSPECIFIED}
    assert spec.loss == network_pb2.TOTAL_SQUARED_ERROR
    assert (spec.initializer.uniform.low, spec.initializer.uniform.high) == (-0.5, 0.5)
    assert not spec.HasField("bias") and spec.seed == 0


def test_one_activation_is_for_the_hidden_layers() -> None:
    spec = make_network_spec([4, 3, 2, 1], activation="leaky-relu")
    hidden, unset = network_pb2.LEAKY_RELU, network_pb2.ACTIVATION_UNSPECIFIED
    assert [layer.activation for layer in spec.layers] == [hidden, hidden, unset]
    (only,) = make_network_spec([4, 1], activation="tanh").layers
    assert only.activation == network_pb2.TANH
    each = make_network_spec([4, 3, 1], activation=["relu", "linear"]).layers
    assert [layer.activation for layer in each] == [network_pb2.RELU, network_pb2.LINEAR]


def test_initialisers_bias_and_weights() -> None:
    assert make_network_spec([2, 1], init="he").initializer.WhichOneof("kind") == "he"
    assert make_network_spec([2, 1], init="uniform:0:1").initializer.uniform.high == 1
    spec = make_network_spec([2, 1], bias=False)
    assert spec.HasField("bias") and not spec.bias
    given = make_network_spec([2, 1], weights={"W1": np.array([[1.0], [2.0]]), "b1": np.zeros(1)})
    (layer,) = given.initializer.weights.layers
    assert list(layer.weights) == [1, 2] and list(layer.biases) == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": [784]}, "at least one layer"),
        ({"activation": "sigmod"}, "activation='sigmod' is not one of sigmoid, relu"),
        ({"activation": ["relu"]}, "has 1 entries for 2 layers"),
        ({"init": "normal"}, "init='normal' is not uniform:LOW:HIGH"),
        ({"loss": "mse"}, "loss='mse' is not one of tse, cross-entropy"),
        ({"init": "uniform:a:b"}, "init='uniform:a:b': LOW and HIGH are numbers"),
        ({"weights": {"b1": np.zeros(3)}}, "weights has no W1"),
        ({"weights": {"W1": np.zeros((3, 4))}}, r"needs \(4, 3\); transpose it"),
        ({"weights": {"W1": np.zeros((4, 3)), "b1": np.zeros(4)}}, r"b1 .* needs \(3,\)"),
    ],
)
def test_wrong_words_say_what_is_right(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_network_spec(**{"layers": [4, 3, 2], **options})  # type: ignore[arg-type]


def test_units_are_whole_numbers() -> None:
    assert make_network_spec(np.array([4, 2])).input_count == 4
    with pytest.raises(TypeError, match=r"layers has 4\.7"):
        make_network_spec([4.7, 2])  # type: ignore[list-item]


def test_a_derived_id_is_valid_and_differs_with_the_spec() -> None:
    specs = [
        make_network_spec([784, 500, 10]),
        make_network_spec([784, 500, 10], seed=1),
        make_network_spec(range(1000, 1020)),
        make_network_spec(range(1000, 1021)),
    ]
    ids = [derived_id(spec) for spec in specs]
    assert ids[0].startswith("net-784-500-10-")
    assert len(set(ids)) == len(ids) and max(map(len, ids)) <= 63
    assert derived_id(specs[0]) == derived_id(make_network_spec([784, 500, 10]))
