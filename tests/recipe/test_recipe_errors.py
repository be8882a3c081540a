"""Every error of a recipe names the file, the key as it is written, and the nearest valid name: one line each."""

import pytest
from pydantic import ValidationError
from recipe_cases import TEXT, lines_of, write

from limbeck.errors import LimbeckError
from limbeck.recipe import RecipeError, load_recipe, parse_recipe
from limbeck.settings import Settings
from limbeck.settings.yaml import read_yaml
from limbeck.teachers import CATALOGUE

KINDS = ", ".join(sorted(CATALOGUE.keys() - {"given"}))
"""Of teachers that a recipe may name."""


@pytest.fixture
def path(tmp_path):
    return write(tmp_path)


UNKNOWN = {
    "sedes=[0]": "unknown key `sedes`; did you mean `seeds`?",
    "data.sorce=x": "unknown key `data.sorce`; did you mean `source`?",
    "data.split.tset=5": "unknown key `data.split.tset`; did you mean `test`?",
    "teacher.reads.max_lenght=5": "unknown key `teacher.reads.max_lenght`; did you mean `max_length`?",
    "teacher.model.hiden=5": "unknown key `teacher.model.hiden`; did you mean `hidden`?",
    "teacher.train.epoch=5": "unknown key `teacher.train.epoch`; did you mean `epochs`?",
    "student.trian=5": "unknown key `student.trian`; did you mean `train`?",
    "student.train.lrr=5": "unknown key `student.train.lrr`; did you mean `lr`?",
    "student.model.hiden=5": "unknown key `student.model.hiden`; did you mean `hidden`?",
    "student.reads.tokenizer.sise=5": "unknown key `student.reads.tokenizer.sise`; did you mean `size`?",
    "losses.kd.temprature=5": "unknown key `losses.kd.temprature`; did you mean `temperature`?",
    "losses.kd.weight={schedule: linear, start: 1, end: 0, untill: 1}": "unknown key `losses.kd.weight.untill`; "
    "did you mean `until`?",
    "baseline.train.lrr=5": "unknown key `baseline.train.lrr`; did you mean `lr`?",
    "grid.train.lrr=[5]": "unknown key `grid.train.lrr`; did you mean `lr`?",
    "teacher.freeze=2": "unknown key `teacher.freeze`; it belongs to `kind: transformers`",
    "losses.cross_entropy.temperature=2": "unknown key `losses.cross_entropy.temperature`; it belongs to "
    "`name: binary_kd` or `name: dist_inter` or `name: dist_intra` or 12 others",
    "data.max_length=9": "unknown key `data.max_length`; valid: ",
    "losses.kd.tail=9": "unknown key `losses.kd.tail`; valid: ",
    "student.reads.tokenizer.max_length=9": "unknown key `student.reads.tokenizer.max_length`; valid: ",
    "student.reads={kind: arrays, of: student, max_length: 9}": "unknown key `student.reads.max_length`; it belongs to "
    "`kind: text`",
    "grid.max_length=[9]": "`grid.max_length` is called `grid.reads.max_length` now",
    "student.max_length=9": "`student.max_length` is called `student.reads.max_length` now",
    "baseline.tokenizer.size=9": "`baseline.tokenizer` is called `baseline.reads.tokenizer` now",
    "teacher.tail=3": "`teacher.tail` is called `teacher.reads.tail` now",
    "target.accuracy=0.9": "`target` is called `until` now",
    "until.acuracy=0.9": "unknown key `until.acuracy`; did you mean `accuracy`?",
    "metric=f1_macro": "`metric` is called `task.metric` now",
    "data.transfer=more.csv": "`data.transfer` is called `data.unlabelled` now",
    "data.unlabelled=0": "`data.unlabelled`: names more rows; how many are used is called `data.max_unlabelled` now",
    "data.colour=red": "unknown key `data.colour`; valid: arrays, audio, augment, class_weights, classes, domain, "
    "features, group, image, label, labelled, labelled_per_batch, max_unlabelled, merge_classes, missing, "
    "omitted_classes, other_class, source, split, target and 2 more",
}
NAMES = {
    "teacher.kind=netwrok": "`teacher.kind` is `netwrok`; did you mean `network`?",
    "teacher={model: ngrams}": f"`teacher.kind` is missing; valid: {KINDS}",
    "teacher=minilm": f"`teacher` must be a mapping with `kind`, not `minilm`; valid: {KINDS}",
    "student.reads.tokenizer.kind=word": "`student.reads.tokenizer.kind` is `word`; did you mean `words`?",
    "student.model=ngarms": "`student.model`: no model is called `ngarms`; did you mean `ngrams`?, or an import path "
    "`module:function`",
    "student.model=my/net.py:build": "`student.model` is `my/net.py:build`; it must be module:function",
    "student.model=transformer": "`student.model.path` is missing (a folder with config.json, a hub id, or the "
    "asset `minilm`)",
    "losses=[{name: kdd}]": "`losses.kdd.name` is `kdd`; did you mean `kd`?",
    "losses=[{name: KD}]": "`losses.KD.name` is `KD`; did you mean `kd`?",
    "losses=[{name: RKD}]": "`losses.RKD.name` is `RKD`; it is called rkd_angle, rkd_distance here",
    "losses=[{name: ctkd}]": "`losses.ctkd.name`: `ctkd` is no loss but a transform before one, such as "
    "`{name: kd, transform: ctkd}`",
    "losses=[{name: mutual}]": "`losses.mutual.name`: `mutual` is no loss but a scheme: two networks that learn beside "
    "one another, each the other's teacher (Zhang 2018); write `teacher: {kind: mutual}` in a recipe",
    "losses=[{name: mlkd}]": "`losses.mlkd.name` is `mlkd`; it is called mlkd_batch, mlkd_class, mlkd_instance here",
    "losses=[{name: forward_kl}]": "`losses.forward_kl.name` is `forward_kl`; it is called kd here",
    "losses=[{name: kd, transform: logit_standardization}]": "`losses.kd.transform.kind` is `logit_standardization`; "
    "it is called standardize here",
    "losses=[{name: kd, weight: {schedule: linear, start: 0, end: 0}}]": "`losses`: every weight is 0, so that nothing "
    "is learned; give one that is not",
    "losses=[{weight: 1}]": "`losses.0.name` is missing; valid: ",
    "losses=[kd]": "`losses.0` must be a mapping with `name`, not `kd`; valid: ",
    "losses.kd.weight={schedule: linera, start: 1, end: 0}": "`losses.kd.weight.schedule` is `linera`; "
    "did you mean `linear`?",
    "losses.kd.weight={start: 1, end: 0}": "`losses.kd.weight.schedule` is missing; valid: cosine, linear",
    "student.train.schedule=cosin": "`student.train.schedule` is `cosin`; did you mean `cosine`?",
    "arms=[student, hard_label]": "`arms.1` is `hard_label`; did you mean `hard_labels`?",
    "student.train.precision=fp8": "`student.train.precision` is `fp8`; valid: bf16, fp32",
}
TYPES = {
    "student=null": "`student` must be a mapping of keys, not null",
    "student.train=5": "`student.train` must be a mapping of keys, not 5",
    "student.train.lr=fast": "`student.train.lr` must be a number, not `fast`",
    "student.train.lr=[1]": "`student.train.lr` must be a number, not [1]",
    "student.train.batch_size=1.5": "`student.train.batch_size` must be a whole number, not 1.5",
    "student.train.batch_size=many": "`student.train.batch_size` must be a whole number, not `many`",
    "data.class_weights=blanced": "`data.class_weights`: give `balanced`, a mapping of class names to weights, or null",
    "data.class_weights={good: -1}": "`data.class_weights`: the weight of class `good` must be a finite number greater "
    "than 0, not `-1`",
    "data.source=5": "`data.source` must be text, not 5; put it in quotes, which are typed as 'data.source=\"5\"'",
    "data.label=5": "`data.label`: must be a column or a list of columns, in text, not 5; put each in quotes",
    "data.label=true": "`data.label`: must be a column or a list of columns, in text, not True; put each in quotes",
    "data.source=null": "`data.source` must be text, not null",
    "data.source.file=x": '`data.source` must be text, not {"file": "x"}',
    "seeds=0": "`seeds` must be a list, not 0",
    "seeds=[a]": "`seeds.0` must be a whole number, not `a`",
    "losses=kd": "`losses` must be a list, not `kd`",
    "arms=student": "`arms` must be a list, not `student`",
    "grid=5": "`grid`: give keys of student and their candidates, or a list of points",
    "grid.train.lr=5": "`grid.train.lr` must be a list, not 5",
    "grid.train.lr=[1, fast]": "`grid.train.lr` must be a number, not `fast`",
    "until=0.9": "`until` must be a mapping of keys, not 0.9",
    "until.accuracy=high": "`until.accuracy` must be a number, not `high`",
    "baseline=true": "`baseline`: give keys of student and their values, or false for no baseline",
    "baseline=none": "`baseline`: give keys of student and their values, or false for no baseline",
    "baseline.train.lr=fast": "`baseline.train.lr` must be a number, not `fast`",
}
RANGES = {
    "student.train.lr=0": "`student.train.lr` must be greater than 0, not 0",
    "student.train.lr=.inf": "`student.train.lr` must be a finite number, not Infinity",
    "student.train.warmup=1": "`student.train.warmup` must be less than 1, not 1",
    "student.reads.max_length=0": "`student.reads.max_length` must be at least 1, not 0",
    "student.model.orders=5": "`student.model.orders` must be at most 4, not 5",
    "data.labelled=1": "`data.labelled`: must be 0 or at least 2, not 1",
    "losses.kd.temperature=-1": "`losses.kd.temperature` must be greater than 0, not -1",
    "losses.kd.temperature=.nan": "`losses.kd.temperature` must be a finite number, not NaN",
    "losses.kd.weight=-1": "`losses.kd.weight` must be at least 0, not -1",
    "losses=[]": "`losses` must not be empty",
    "data.source=": "`data.source` must be text, not null",
    "data.source=''": "`data.source` must not be empty",
    "seeds=[]": "`seeds` must not be empty",
    "teacher={kind: ensemble, members: []}": "`teacher.members` needs at least 2, not 0",
    "teacher={kind: ensemble, members: [{kind: nblr}]}": "`teacher.members` needs at least 2, not 1",
    "seeds=[0, -1]": "`seeds.1` must be at least 0, not -1",
    "seeds=[4294967296]": "`seeds.0` must be less than 4294967296, not 4294967296",
    "seeds=[3, 1, 3]": "`seeds`: a seed stands twice; each counts once",
    "arms=[]": "`arms`: student is missing; the others are compared with it",
    "arms=[baseline, hard_labels]": "`arms`: student is missing; the others are compared with it",
    "arms=[student, baseline, student]": "`arms`: an arm stands twice; each is trained once",
    "grid.train.lr=[]": "`grid.train.lr` must not be empty",
    "grid.train.lr=[1, -1]": "`grid.train.lr` must be greater than 0, not -1",
    "student.train={steps: 1, epochs: 1}": "`student.train`: give steps or epochs, not both (set the other to null)",
    "until.accuracy=88": "`until.accuracy` must be at most 1, not 88",
    "until.accuracy=0": "`until.accuracy` must be greater than 0, not 0",
    "until.retention=0": "`until.retention` must be greater than 0, not 0",
    "until.retention=99": "`until.retention` must be at most 2, not 99",
    "until={}": "`until`: give accuracy or retention, one of the two (set the other to null)",
    "until={accuracy: 0.9, retention: 0.99}": "`until`: give accuracy or retention, one of the two "
    "(set the other to null)",
    "name=..": "`name` is `..`; it must be made of letters, digits, `_`, `.` and `-`, and not begin with `.` or `-`",
    "name=a/b": "`name` is `a/b`; it must be made of letters, digits, `_`, `.` and `-`, and not begin with `.` or `-`",
}
JARGON = (
    "tag",
    "discriminator",
    "literal",
    "valid dictionary",
    "Input",
    "pydantic",
    "function-",
    "[str",
    "valid string",
)


@pytest.mark.parametrize(("override", "line"), [*UNKNOWN.items(), *NAMES.items(), *TYPES.items(), *RANGES.items()])
def test_one_wrong_key_is_one_line(path, override, line):
    (found,) = lines_of(path, override)
    assert found.startswith(line)
    assert found == line or line.endswith("valid: ")
    assert not any(word in found for word in JARGON)


def test_all_errors_are_told_at_once(path):
    found = lines_of(
        path,
        "data.sorce=x",
        "losses.kd.temperature=0",
        "teacher.kind=netwrok",
        "seeds=[]",
        "baseline.train.lrr=5",
        "grid.train.lr=[-1, 1]",
        "grid.train.colour=[-1, 1]",
    )
    assert [line.split("`")[1] for line in found] == [
        "seeds",
        "data.sorce",
        "teacher.kind",
        "losses.kd.temperature",
        "baseline.train.lrr",
        "grid.train.lr",
        "grid.train.colour",
    ]


@pytest.mark.parametrize("keys", [("text", "features"), ("text", "image"), ("image", "audio"), ("text", "audio")])
def test_two_keys_that_say_what_an_example_is_are_one_line(keys):
    """Whatever the networks read."""
    values = read_yaml(TEXT)
    values["data"] |= dict.fromkeys(keys, "a")
    values["student"] = {"model": "mlp"}
    with pytest.raises(RecipeError) as caught:
        parse_recipe(values, "a.yaml")
    assert len(caught.value.lines) == 1
    assert all(key in caught.value.lines[0] for key in keys)
    assert "contradict each other" in caught.value.lines[0]


def test_missing_parts_are_named(tmp_path):
    path = write(tmp_path, "seeds: [0]\nstudent: {reads: {max_length: 3}}")
    lines = lines_of(path)
    assert [line.split("(")[0].rstrip() for line in lines] == [
        f"`{key}` is missing" for key in ("data", "teacher", "student.model", "losses")
    ]
    assert lines[3] == "`losses` is missing (the student's objective)"


def test_two_losses_of_a_name_are_told_apart_by_number(path):
    found = lines_of(path, "losses=[{name: kd, temperature: 0}, {name: kd, weight: -1}]")
    assert [line.split("`")[1] for line in found] == ["losses.0.temperature", "losses.1.weight"]


def test_the_key_of_an_error_is_the_key_of_the_override_that_mends_it(path):
    (line,) = lines_of(path, "losses.kd.temperature=0")
    assert load_recipe(path, ["losses.kd.temperature=0", f"{line.split('`')[1]}=3"]).losses[0].temperature == 3


def test_a_grid_that_fits_the_student_but_not_the_baseline(path):
    """Found now, not after the teacher and the student are trained."""
    (line,) = lines_of(path, "baseline.model=bigru", "grid.model.buckets=[10, 20]")
    assert line == "unknown key `grid.model.buckets`; it belongs to `name: linear` or `name: ngrams` (in the baseline)"


def test_a_baseline_with_steps_and_epochs(path):
    (line,) = lines_of(path, "baseline={train: {steps: 3, epochs: 1}}")
    assert line == "`baseline.train`: give steps or epochs, not both (set the other to null)"


@pytest.mark.parametrize("losses", ["[{name: cross_entropy}]", "[{name: fitnet, student: drop, teacher: drop}]"])
def test_hard_labels_of_a_recipe_that_does_not_look_at_the_teachers_logits(path, losses):
    (line,) = lines_of(path, "arms=[student, hard_labels]", f"losses={losses}")
    assert line == "`losses`: none is about the teacher's logits, so the arm hard_labels has nothing to learn; add kd"
    assert load_recipe(path, [f"losses={losses}"]).trained_arms == ("student", "baseline")


def test_a_long_value_is_cut(path):
    (line,) = lines_of(path, f"student.train.lr={'x' * 500}")
    assert len(line) < 120
    (line,) = lines_of(path, f"student.train.lr={list(range(100))}")
    assert len(line) < 120


# --- before there is a recipe ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: [0", r"not valid YAML \(line 1, column 10: "),
        ("a: 1\nb: 2\na: 3", r"not valid YAML \(line 3, column 1: `a` stands twice\)"),
        ("data: {source: a, text: b, source: c}", "`source` stands twice"),
        ("a: \x00", r"not valid YAML \(unacceptable character"),
        ("a: !!python/object:os.system x", "not valid YAML .*could not determine a constructor"),
        ("", "a recipe is a mapping of keys"),
        ("- kd", "a recipe is a mapping of keys"),
        ("just text", "a recipe is a mapping of keys"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(LimbeckError, match=message) as caught:
        load_recipe(path)
    assert caught.value.where == path
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(LimbeckError, match=r"mine.yaml, line 1: not UTF-8 \(byte 0xff\); save it as UTF-8"):
        load_recipe(str(path))


@pytest.mark.parametrize(("name", "hint"), [("sentimnt", "did you mean `sentiment`?"), ("xyz.yaml", "valid: ")])
def test_no_such_recipe(name, hint):
    with pytest.raises(LimbeckError) as caught:
        load_recipe(name)
    assert str(caught.value).startswith(f"no recipe `{name}`; {hint}")
    assert "give the path of a YAML file" in str(caught.value)


@pytest.mark.parametrize("override", ["lr", "=3", "a..b=3", ".a=3", "a.=3", ""])
def test_an_override_that_is_no_assignment(path, override):
    with pytest.raises(LimbeckError, match=f"^`{override}` is no key=value; for example data.labelled=200$"):
        load_recipe(path, [override])


def test_an_override_that_is_no_yaml(path):
    with pytest.raises(
        LimbeckError,
        match=r"^seeds: `\[0` is not valid YAML \(.*\); close what it opens; .* typed as seeds='\"TEXT\"'$",
    ):
        load_recipe(path, ["seeds=[0"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("losses.kdd.weight=1", "losses.kdd.weight: no entry is named `kdd`; did you mean `kd`?"),
        ("losses.2.weight=1", "losses.2.weight: no entry is named `2`; valid: cross_entropy, kd"),
        ("seeds.first=1", "seeds.first: no entry is named `first`; valid: 0, 1"),
    ],
)
def test_an_override_of_a_list_entry_that_is_not_there(path, override, message):
    with pytest.raises(LimbeckError) as caught:
        load_recipe(path, [override])
    assert str(caught.value) == message


def test_an_override_of_two_entries_at_once(path):
    with pytest.raises(LimbeckError, match=r"losses\.kd\.weight: 2 entries are named `kd`; give a number, from 0"):
        load_recipe(path, ["losses=[{name: kd}, {name: kd}]", "losses.kd.weight=1"])


def test_a_recipe_from_python_values_has_the_same_errors():
    values = read_yaml(TEXT) | {"seeds": [-1]}
    with pytest.raises(RecipeError, match=r"^here: `seeds\.0` must be at least 0, not -1$") as caught:
        parse_recipe(values, "here")
    assert caught.value.lines == ["`seeds.0` must be at least 0, not -1"]


def every_settings(kind=Settings):
    """Return the settings of the package, each once."""
    found = {one for each in kind.__subclasses__() for one in (each, *every_settings(each))}
    return sorted((one for one in found if one.__module__.startswith("limbeck.")), key=lambda one: one.__name__)


def numbers_in(schema):
    """Yield every key of settings that holds a number or a list of them, and `true` in its place."""
    for name, one in schema.get("properties", {}).items():
        options = [one, *one.get("anyOf", [])]
        kinds = {option.get("type") for option in options}
        if "boolean" in kinds or "$ref" in one or "string" in kinds:
            continue
        for option in options:
            if option.get("type") in ("integer", "number"):
                yield name, True
            if option.get("type") == "array" and option.get("items", {}).get("type") in ("integer", "number"):
                yield name, [True]


@pytest.mark.parametrize("settings", every_settings(), ids=lambda settings: settings.__name__)
def test_true_is_no_number_in_any_settings(settings):
    for key, value in numbers_in(settings.model_json_schema()):
        with pytest.raises(ValidationError) as caught:
            settings.model_validate({key: value})
        errors = [one for one in caught.value.errors() if one["loc"][:1] == (key,) and one["input"] is True]
        assert {one["type"] for one in errors} & {"int_type", "float_type"}, (key, caught.value)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seeds=[true]", "`seeds.0` must be a whole number, not true"),
        ("data.labelled=true", "`data.labelled` must be a whole number, not true"),
        ("student.train.lr=true", "`student.train.lr` must be a number, not true"),
        ("curves={labels: [20, true]}", "`curves.labels.1` must be a whole number, not true"),
        ("losses=[{name: kd, temperature: true}]", "`losses.kd.temperature` must be a number, not true"),
        ("grid={train.steps: [10, true]}", "`grid.train.steps` must be a whole number, not true"),
    ],
)
def test_true_is_refused_where_a_number_is_meant(path, override, line):
    assert line in lines_of(path, override)
