"""Words and numbers of options, as they go into a spec."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trainyard.options import TrainingOptions, make_spec, mask_of
from trainyard.v1 import dataset_pb2, training_pb2


def test_nothing_given_is_nothing_set() -> None:
    assert make_spec({}) == training_pb2.TrainingJobSpec()
    assert make_spec({"learning_rate": None}) == training_pb2.TrainingJobSpec()


def test_every_option_reaches_the_spec() -> None:
    values = {
        "epochs": 3, "learning_rate": 0.5, "batch_size": 2, "optimizer": "adamw", "beta1": 0.8,
        "beta2": 0.9, "epsilon": 1e-7, "weight_decay": 0.1, "schedule": "step",
        "warmup_epochs": 1.5, "step_epochs": 4, "step_factor": 0.25, "l1": 0.01, "l2": 0.02,
        "dropout": 0.2, "patience": 5, "min_delta": 0.001, "gradient_reduction": "sum", "seed": 7,
        "precision": "f64", "rng": "numpy", "input_scaling": "255", "threads": 2,
        "keep_checkpoints": "all", "priority": -1,
    }  # fmt: skip
    expected = training_pb2.TrainingJobSpec(
        epochs=3,
        learning_rate=0.5,
        batch_size=2,
        precision=training_pb2.F64,
        seed=7,
        gradient_reduction=training_pb2.SUM,
        input_scaling=dataset_pb2.DIVIDE_BY_255,
        optimizer=training_pb2.Optimizer(
            adamw=training_pb2.AdamWOptimizer(beta1=0.8, beta2=0.9, epsilon=1e-7, weight_decay=0.1)
        ),
        schedule=training_pb2.LearningRateSchedule(
            step=training_pb2.StepSchedule(epochs_per_step=4, factor=0.25), warmup_epochs=1.5
        ),
        l1=0.01,
        l2=0.02,
        dropout=0.2,
        early_stopping=training_pb2.EarlyStopping(patience=5, min_delta=0.001),
        rng=training_pb2.NUMPY,
        threads=2,
        keep_checkpoints=-1,
        priority=-1,
    )
    assert make_spec(values) == expected
    assert set(mask_of(expected)) == {field.name for field, _ in expected.ListFields()}
    # The others are choices of another word, or not of the spec.
    others = {"validation", "momentum", "final_learning_rate"}
    assert set(TrainingOptions.__annotations__) == set(values) | others


@pytest.mark.parametrize("word", ["sgd", "momentum", "nesterov", "adam", "adamw"])
def test_a_chosen_optimizer_is_set_even_with_its_defaults(word: str) -> None:
    spec = make_spec({"optimizer": word})
    kind = spec.optimizer.WhichOneof("kind")
    assert kind == ("momentum" if word == "nesterov" else word)
    assert spec.optimizer.momentum.nesterov == (word == "nesterov")
    assert mask_of(spec) == ["optimizer"]


def test_cosine_and_momentum() -> None:
    spec = make_spec({"schedule": "cosine", "final_learning_rate": 0.1})
    assert spec.schedule.cosine.final_learning_rate == 0.1
    assert make_spec({"optimizer": "nesterov", "momentum": 0.5}).optimizer.momentum.momentum == 0.5
    assert make_spec({"schedule": "constant"}).schedule.WhichOneof("kind") == "constant"
    assert [make_spec({"keep_checkpoints": k}).keep_checkpoints for k in ("last", 3)] == [1, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "sdg"}, "optimizer='sdg' is not one of sgd, momentum"),
        ({"precision": "f16"}, "precision='f16' is not one of f32, f64"),
        ({"momentum": 0.9}, "momentum needs optimizer='momentum' or 'nesterov'"),
        ({"weight_decay": 0.1, "optimizer": "adam"}, "weight_decay needs optimizer='adamw'"),
        ({"step_epochs": 3}, "step_epochs needs schedule='step'"),
        ({"min_delta": 0.1}, "min_delta needs patience"),
        ({"keep_checkpoints": "some"}, "keep_checkpoints='some' is not 'last', 'all'"),
        ({"keep_checkpoints": 0}, "keep_checkpoints=0 is not"),
    ],
)
def test_wrong_values_say_what_is_right(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make_spec(options)


def test_a_misspelt_option_is_named_with_the_one_that_is_meant() -> None:
    with pytest.raises(TypeError, match="'learningrate'; did you mean 'learning_rate'"):
        make_spec({"learningrate": 0.1})


def test_every_option_is_documented() -> None:
    documented = TrainingOptions.__doc__ or ""
    missing = [
        name
        for name in TrainingOptions.__annotations__
        if not re.search(rf"^ *[\w, ]*\b{name}\b[\w, ]*:", documented, re.MULTILINE)
    ]
    assert not missing


def test_sources_are_read_by_python_3_9() -> None:
    import ast

    import trainyard

    for file in Path(trainyard.__file__).parent.rglob("*.py"):
        ast.parse(file.read_text(), str(file), feature_version=(3, 9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 3.5}, r"epochs=3\.5: "),
        ({"learning_rate": "0.1"}, "learning_rate='0.1': "),
        ({"optimizer": "adam", "beta1": "x"}, "beta1='x': "),
        ({"warmup_epochs": "x"}, "warmup_epochs='x': "),
    ],
)
def test_a_value_of_another_type_names_its_option(options: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make_spec(options)
