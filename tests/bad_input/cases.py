"""What users do wrong, a row each: what lies in the folder, and the line that is typed there.

Every folder holds `tiny.yaml` and its `rows.csv`; a case adds or damages files. What the line then says is in
`messages.txt`.
"""

# One file: a table, one entry a case.

import gzip
import json
import math
import os
import shutil
import signal
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from damage import cut, edit, flip, flip_in_tensor, one, pipe_instead
from made_images import also, huge, images, no_images, object_arrays, one_class, picture, written
from onnx_files import bag, pixels
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from limbeck.runtime.description import sealed

Prepare = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """One thing done wrong.

    Attributes:
        group: its chapter.
        name: for people, unique.
        line: what is typed after `limbeck`.
        prepare: makes the folder wrong.
        start: what the folder `out` is before: absent, a finished run, or one that was interrupted in the student.
        mend: what to delete, as the message says, for the same line to succeed.
    """

    group: str
    name: str
    line: tuple[str, ...]
    prepare: Prepare | None = None
    start: Literal["nothing", "finished", "interrupted"] = "nothing"
    mend: str | None = None


def run(*overrides: str, recipe: str = "tiny.yaml", out: str = "out") -> tuple[str, ...]:
    return ("run", recipe, *overrides, "--out", out)


def files(contents: Mapping[str, str | bytes]) -> Prepare:
    """Return what writes files, by path."""

    def write(folder: Path) -> None:
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def rows(count: int, *, start: int = 0, labels: tuple[object, ...] = (0, 1), text: str = "text number") -> str:
    lines = [f"{text} {row},{labels[row % len(labels)]}" for row in range(start, start + count)]
    return "\n".join(["text,label", *lines, ""])


TITLED = "Nr,title,body,label\n" + "".join(f"{row},title {row},body {row},{row % 2}\n" for row in range(260))


def lines_of(*objects: object) -> str:
    return "\n".join(map(json.dumps, objects)) + "\n"


def in_the_recipe(name: str, *overrides: str, group: str = "recipe") -> Case:
    return Case(group, name, run(*overrides))


def in_the_file(name: str, text: str | bytes) -> Case:
    return Case("recipe", name, run(recipe="mine.yaml"), files({"mine.yaml": text}))


VALUES = ("task=regression", "losses=[{name: regression_kd}]")
SETS = ("task=multilabel", "losses=[{name: binary_kd}]")
MEMBER = "{kind: network, model: ngrams}"
TWO = f"{{kind: ensemble, members: [{MEMBER}, {MEMBER}]}}"
TENFOLD = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10))
MERGED = "".join(f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 10)}]}}\n" for level in range(1, 10))
THOUSAND = ", ".join(f"{number}e-6" for number in range(1, 1001))
DIGITS = "9" * 5000
TOPK, DRAWS = "cache.codec={kind: topk, k: 1}", "cache.codec={kind: sampled, temperature: 2}"
STATES = "cache.codec=hidden"


def of_two_gigabytes(folder: Path) -> None:
    with (folder / "mine.yaml").open("wb") as file:
        file.truncate(2**31)


RECIPE = [
    Case("recipe", "an unknown recipe", run(recipe="sentimnt")),
    in_the_file("a recipe that is no YAML", "seeds: [0\ndata: {source: rows.csv}\n"),
    in_the_file("a key that stands twice", "seeds: [0]\nname: a\nseeds: [1]\n"),
    in_the_file("a recipe that is a list", "- kd\n- cross_entropy\n"),
    in_the_file("an empty recipe", ""),
    in_the_file("a recipe that is not UTF-8", b"name: caf\xe9\n"),
    in_the_file("a recipe of bytes", bytes(range(256))),
    in_the_file("a recipe of levels without end", f"data: {'[' * 5000}{']' * 5000}\n"),
    in_the_file("a recipe of indented levels without end", "".join(f"{' ' * level}a:\n" for level in range(500))),
    in_the_file("a recipe that holds itself", "&whole\ndata: *whole\n"),
    in_the_file("a list that holds itself", "grid: {train.lr: &rates [0.1, *rates]}\n"),
    in_the_file("aliases of aliases", f"a0: &a0 [x]\n{TENFOLD}"),
    in_the_file("merged aliases of aliases", f"a0: &a0 {{k: 1}}\n{MERGED}"),
    in_the_file("a chain of aliases", "a0: &a0 x\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 99))),
    in_the_file("a number of thousands of digits", f"seeds: [{DIGITS}]\n"),
    in_the_file("a tag that does not fit", "name: !!timestamp yesterday\n"),
    in_the_file("a mapping of a list", "data: !!map [source]\n"),
    in_the_file("a key that is a list", "{[source, label]: 1}\n"),
    in_the_recipe("a key that is no text", "student.train={1: 2}"),
    Case("recipe", "a recipe of gigabytes", run(recipe="mine.yaml"), of_two_gigabytes),
    Case("recipe", "a file of data for a recipe", run(recipe="rows.csv")),
    Case("recipe", "a recipe that is a folder", run(recipe="mine"), lambda folder: (folder / "mine").mkdir()),
    Case("recipe", "a recipe that is a pipe", run(recipe="mine"), lambda folder: os.mkfifo(folder / "mine")),
    in_the_recipe("an override of levels without end", f"data={'[' * 5000}"),
    in_the_recipe("an override that holds itself", "seeds=[&a [*a]]"),
    in_the_recipe("an override of thousands of digits", f"student.train.steps={DIGITS}"),
    in_the_recipe("an entry of thousands of digits", f"losses.{DIGITS}.weight=1"),
    in_the_recipe("a key of thousands of parts", f"student{'.train' * 5000}=1"),
    in_the_recipe("a grid of a million points", f"grid={{train.lr: [{THOUSAND}], train.weight_decay: [{THOUSAND}]}}"),
    in_the_recipe("thousands of seeds", f"seeds={list(range(5000))}"),
    in_the_recipe("thousands of losses", f"losses=[{', '.join(['{name: kd}'] * 5000)}]"),
    in_the_recipe("thousands of teachers", f"teacher={{kind: ensemble, members: [{', '.join([MEMBER] * 5000)}]}}"),
    in_the_recipe("a name of thousands of letters", f"name={'a' * 5000}"),
    in_the_recipe("a float for a size", "student.train.batch_size=1e300"),
    in_the_recipe("a rate of any size", "student.train.lr=1e300"),
    in_the_recipe("passes of any number", "student.train={epochs: 1e300}"),
    in_the_recipe("steps of any number", f"student.train.steps={10**18}"),
    in_the_recipe("rows of a batch of any number", f"student.train.batch_size={10**15}"),
    in_the_recipe("threads of any number", "student.train.threads=1000000"),
    in_the_recipe("tokens of any number", f"student.reads.max_length={10**12}"),
    in_the_recipe("layers of any number", f"student.model={{name: bigru, layers: {10**9}}}"),
    in_the_recipe("copies of any number", f"data.augment={{copies: {10**12}}}"),
    in_the_recipe("rows of a split of any number", f"data.split.test={10**22}"),
    in_the_recipe("an unknown key", "student.train.epoch=3"),
    in_the_recipe("unlabelled rows as a number", "data.unlabelled=5.0"),
    in_the_recipe("an override without a value", "data.labelled"),
    in_the_recipe(
        "an entry after the last one",
        "teacher={kind: ensemble, members: [{kind: nblr}, {kind: nblr}]}",
        "teacher.members.7.kind=nblr",
    ),
    in_the_recipe("rows without a key", "rows.csv"),
    in_the_recipe("rows in the place of the data", "data=rows.csv"),
    in_the_recipe("an option as a key", "output=there"),
    in_the_recipe("an override that is no YAML", "seeds=[0"),
    in_the_recipe("an override of a loss that is not there", "losses.kdd.weight=1"),
    in_the_recipe("a value of the wrong type", "student.train.lr=fast"),
    in_the_recipe("a value out of range", "losses.kd.temperature=-1"),
    in_the_recipe("no losses", "losses=[]"),
    in_the_recipe("an unknown loss", "losses=[{name: kdd}]"),
    in_the_recipe("a weight schedule of a wrong name", "losses.kd.weight={schedule: linera, start: 1, end: 0}"),
    in_the_recipe("a negative seed", "seeds=[0, -1]"),
    in_the_recipe("a seed too large", "seeds=[4294967296]"),
    in_the_recipe("a seed that stands twice", "seeds=[1, 1]"),
    in_the_recipe("steps and epochs", "student.train={steps: 5, epochs: 1}"),
    in_the_recipe("two kinds of teacher mixed", "teacher.freeze=2"),
    in_the_recipe("an unknown kind of teacher", "teacher.kind=netwrok"),
    in_the_recipe("a grid over an unknown key", "grid.train.lrr=[0.1, 0.2]"),
    in_the_recipe("a grid over a single value", "grid.train.lr=0.1"),
    in_the_recipe("a point of an unknown model", "grid=[{model: linear}, {model: ngram}]"),
    in_the_recipe("a point with an unknown key", "grid=[{}, {model: {name: ngrams, dimm: 8}}]"),
    in_the_recipe("a point that stands twice", "grid=[{model: linear}, {model: {name: linear}}]"),
    in_the_recipe("a point that is a name", "grid=[linear]"),
    in_the_recipe("a grid that is a name", "grid=linear"),
    in_the_recipe("a key for a grid that is a list", "grid=[{model: linear}, {}]", "grid.train.lr=[0.1, 0.2]"),
    in_the_recipe("a rate for a student that is solved", "grid=[{model: linear, train.lr: 0.1}, {}]"),
    in_the_recipe("a level beside a student that is solved", "grid=[{model: linear}, {}]", "until.accuracy=0.8"),
    in_the_recipe("losses of no weight", "losses=[{name: kd, weight: 0}]"),
    in_the_recipe("a baseline with an unknown key", "baseline.train.stepss=5"),
    in_the_recipe("an unknown codec", "cache.codec.kind=topp"),
    in_the_recipe("as many logits as there are", "cache.codec={kind: topk, k: 2}"),
    in_the_recipe("a loss of every logit, and a part of them", "losses=[{name: logit_mse}]", TOPK),
    in_the_recipe(
        "a transform of every logit, and a part of them", "losses=[{name: kd, transform: standardize}]", TOPK
    ),
    in_the_recipe("an unknown transform", "losses=[{name: kd, transform: standardise}]"),
    in_the_recipe("a transform of temperatures, and a loss without", "losses=[{name: logit_mse, transform: flsw}]"),
    in_the_recipe(
        "a transform of classes for values", "task=regression", "losses=[{name: logit_mse, transform: standardize}]"
    ),
    in_the_recipe("a transform before a loss of labels", "losses=[{name: cross_entropy, transform: standardize}]"),
    in_the_recipe("relations of one module", "losses=[{name: sp, student: body}]"),
    in_the_recipe("a loss of retrievers for classes", "losses=[{name: margin_mse}]"),
    in_the_recipe("draws at another temperature", "losses=[{name: kd, temperature: 4}]", "cache.codec=sampled"),
    in_the_recipe("decisions of what is drawn", "arms=[student, hard_labels]", DRAWS),
    in_the_recipe("an ensemble of parts", f"teacher={{kind: ensemble, members: [{MEMBER}, {MEMBER}]}}", TOPK),
    in_the_recipe("a part of what is calibrated", "teacher.calibrate=true", TOPK),
    in_the_recipe("a part of yes and no", *SETS, TOPK),
    in_the_recipe("a part for a student that is solved", "grid=[{model: linear}, {}]", TOPK),
    in_the_recipe("a choice by a part of the answers", "selection.unlabelled=20", TOPK),
    in_the_recipe("states of a teacher without layers", "teacher={kind: nblr}", STATES),
    in_the_recipe("states of a sum of layers", "teacher={kind: network, model: wide_deep}", STATES),
    in_the_recipe("a dtype that the codec has not", "cache.codec.dtype=float8"),
    in_the_recipe("an unknown key of the cache", "cache.folder=answers"),
    in_the_recipe("an engine for what is no network", "cache.engine=onnxruntime", "teacher={kind: nblr}"),
    in_the_recipe("states of an engine that has none", "cache.engine=onnxruntime", STATES),
    in_the_recipe(
        "activations of an engine that has none",
        "cache.engine=onnxruntime",
        "losses=[{name: fitnet, student: dropout, teacher: dropout}]",
    ),
    in_the_recipe("a target in percent", "until.accuracy=88"),
    in_the_recipe("two targets", "until={accuracy: 0.88, retention: 0.99}"),
    in_the_recipe("augmentation that changes nothing", "data.augment={copies: 2, mask: 0, ngram: 0}"),
    in_the_recipe("curves of nothing", "baseline={}", "curves={}"),
    in_the_recipe("a curve with a budget twice", "baseline={}", "curves.labels=[10, 10]"),
    in_the_recipe("a curve with more steps than all", "baseline={}", "curves.steps=[0.5, 2]"),
    in_the_recipe("curves without a baseline", "curves.steps=[0.5]"),
    in_the_recipe("curves and a target", "baseline={}", "curves.steps=[0.5]", "until.accuracy=0.8"),
    in_the_recipe("curves at equal epochs", "baseline={}", "curves.steps=[0.5]", "student.train.epochs=2"),
    in_the_recipe("an unknown arm", "arms=[student, hard_label]"),
    in_the_recipe("arms without the student", "arms=[baseline, hard_labels]"),
    in_the_recipe(
        "hard labels where no loss reads the teacher's logits",
        "arms=[student, hard_labels]",
        "losses=[{name: cross_entropy}]",
    ),
    in_the_recipe("a ceiling without a target", "arms=[student, ceiling]"),
    in_the_recipe("hard labels of a teacher that moves", "teacher={kind: mean_teacher}", "arms=[student, hard_labels]"),
    in_the_recipe("a cache of a teacher that moves", "teacher={kind: mean_teacher}", "cache.path=answers"),
    in_the_recipe("a teacher that moves, and no labels", "teacher={kind: mean_teacher}", "losses=[{name: kd}]"),
    in_the_recipe("a teacher that moves, judged before", "teacher={kind: mean_teacher, folds: 3}"),
    in_the_recipe("a learned temperature out of its bounds", "losses=[{name: kd, temperature: 1, transform: ctkd}]"),
    in_the_recipe("a learned temperature of the teacher alone", "losses=[{name: ttm, transform: ctkd}]"),
    in_the_recipe("correlations of two classes", "losses=[{name: dist_inter}]"),
    in_the_recipe("two classes in standard deviations", "losses=[{name: kd, transform: standardize}]"),
    in_the_recipe("losses of classes for values", "task=regression"),
    in_the_recipe(
        "losses of rows where a row has several predictions", "task=multioutput", "losses=[{name: dist_intra}]"
    ),
    in_the_recipe("a loss of values for label sets", "task=multilabel", "losses=[{name: regression_kd}]"),
    in_the_recipe("a loss of label sets for classes", "losses=[{name: binary_kd}]"),
    in_the_recipe("a teacher of n-grams for values", *VALUES, "teacher={kind: nblr}"),
    in_the_recipe("a calibrated teacher of values", *VALUES, "teacher.calibrate=true"),
    in_the_recipe("a product of values", *VALUES, f"teacher={TWO[:-1]}, pool: product}}"),
    in_the_recipe("values by confidence", *VALUES, f"teacher={TWO[:-1]}, weights: confidence}}"),
    in_the_recipe("an ensemble of columns of classes", "task=multioutput", f"teacher={TWO}"),
    in_the_recipe("class weights of values", *VALUES, "data.class_weights=balanced"),
    in_the_recipe("hard labels of values", *VALUES, "arms=[student, hard_labels]"),
    in_the_recipe("a metric that the task has not", *VALUES, "task={kind: regression, metric: accuracy}"),
    in_the_recipe("a share of an error", *VALUES, "until.retention=0.9"),
    in_the_recipe("a column of labels twice", "data.label=[label, label]"),
    in_the_recipe("no column of labels", "data.label=[]"),
    in_the_recipe("a label column that is the text", "data.label=text"),
    in_the_recipe("one column of several", "task=multioutput"),
    in_the_recipe(
        "a target of fewer label columns", *VALUES, "data.label=[label, text]", "data.target={source: rows.csv}"
    ),
    Case("recipe", "an --out that is a file", run(out="rows.csv")),
    Case(
        "recipe", "an --out with files of somebody's own", run(out="."), files({"teacher/thesis.txt": "years of work"})
    ),
    Case("recipe", "an --out with somebody's train.log", run(), files({"out/train.log": "", "out/bundle": "a box"})),
]


def in_the_data(name: str, text: str | bytes, *overrides: str, file: str = "mine.csv") -> Case:
    return Case("data", name, run(f"data.source={file}", *overrides), files({file: text}))


def in_the_splits(name: str, *overrides: str, **contents: str | bytes) -> Case:
    named = {f"mine/{split}.csv": content for split, content in contents.items()}
    return Case("data", name, run("data.source=mine", *overrides), files(named))


UTF8 = rows(60).encode()
LIST_LABELS = lines_of(*({"text": f"a text {row}", "label": [row % 2]} for row in range(60)))
NAN_LABELS = lines_of(*({"text": f"a text {row}", "label": float("nan")} for row in range(60)))
NESTED = lines_of(*({"review": {"body": f"a text {row}"}, "label": row % 2} for row in range(60)))
CLASS_A_ROW = "".join(f"class {row},text number {row}\n" for row in range(260))
NO_TEXTS = lines_of(*({"text": (None, float("nan"))[row % 2], "label": row % 3} for row in range(60)))
MIXED_LABELS = lines_of(*({"text": f"a text {row}", "label": (1, True)[row % 2]} for row in range(60)))
STRANGERS = "text,label\n" + "".join(f"word{row} other{row},{row % 2}\n" for row in range(260))
TWO_COLUMNS = "text,a,b,one\n" + "".join(f"text number {row},{row % 5},{row % 7},same\n" for row in range(260))
DATA = [
    in_the_recipe("a source that is not there", "data.source=rows.cvs", group="data"),
    in_the_recipe("a packaged source with a typing error", "data.source=sentiment-rating", group="data"),
    in_the_recipe("a domain of a file", "data.domain=movie", group="data"),
    Case(
        "data",
        "a domain that no row has",
        run("data.source=mine.csv", "data.domain=bocks"),
        files({"mine.csv": "domain,text,label\nbooks,a,1\nbooks,b,0\n"}),
    ),
    Case(
        "data",
        "a ceiling whose target has labels for the test only",
        run("data.target.source=mine", "arms=[student, ceiling]"),
        files({"mine/train.csv": rows(30, labels=("",)), "mine/test.csv": rows(20, start=40)}),
    ),
    in_the_recipe("a transfer set that is not there", "data.unlabelled=more.csv", group="data"),
    Case(
        "data",
        "more lines of text for two columns",
        run("data.source=mine.csv", "data.text=[title, body]", "data.unlabelled=more.txt"),
        files({"mine.csv": TITLED, "more.txt": "one text\n"}),
    ),
    Case(
        "data",
        "more rows without the column",
        run("data.source=mine.csv", "data.text=body", "data.unlabelled=more.csv"),
        files({"mine.csv": TITLED, "more.csv": "Nachricht\none text\n"}),
    ),
    Case(
        "data",
        "a number of each row as its label",
        run("data.source=mine.csv", "data.text=body", "data.label=Nr"),
        files({"mine.csv": TITLED}),
    ),
    in_the_recipe("a text column that is not there", "data.text=txt", group="data"),
    in_the_recipe("a label column that is not there", "data.label=sentiment", group="data"),
    in_the_recipe("more labelled rows than rows", "data.labelled=1000", group="data"),
    in_the_recipe("a curve with more labels than rows", "baseline={}", "curves.labels=[10, 300]", group="data"),
    in_the_recipe(
        "a curve with labels of one class",
        "baseline={}",
        "curves.labels=[2]",
        "data.labelled=null",
        "data.split.stratify=false",
        group="data",
    ),
    in_the_recipe(
        "a curve with labels too few for a teacher of n-grams",
        "baseline={}",
        "curves.labels=[10]",
        "teacher={kind: nblr, regression: {min_texts: 11}}",
        group="data",
    ),
    in_the_recipe("a group that is no column", "data.group=lable", group="data"),
    in_the_recipe("splits larger than the file", "data.split={test: 2000, validation: 400}", group="data"),
    in_the_recipe("labelled rows that fill every batch", "data.labelled_per_batch=16", group="data"),
    in_the_data("an empty file", ""),
    in_the_data("a header and no rows", "text,label\n"),
    in_the_data("a row of too many fields", "text,label\nfine,1\nwell, not so fine,0\n"),
    in_the_data("a quote that is never closed", 'text,label\nfine,1\n"not so fine,0\n'),
    in_the_data("two columns of a name", "text,label,text\na,1,b\n"),
    in_the_data("a file that is not UTF-8", UTF8.replace(b"number 41", b"num\xe9ro 41")),
    in_the_data("a file of UTF-16 without a mark", rows(60).encode("utf-16")[2:]),
    in_the_data("a suffix that nothing reads", "x", file="mine.doc"),
    in_the_data("a pickled frame", b"\x80\x04", file="mine.pkl"),
    in_the_data("an old sheet", b"\xd0\xcf\x11\xe0", file="mine.xls"),
    in_the_data("a sheet that is none", b"PK\x03\x04", file="mine.xlsx"),
    in_the_data("a packed file that is cut", gzip.compress(UTF8, mtime=0)[:60], file="mine.csv.gz"),
    in_the_data("a packed file that is none", UTF8, file="mine.csv.gz"),
    in_the_data("a file without a line of names", "\n".join(rows(60).splitlines()[1:])),
    in_the_data("a file of texts alone", "one\ntwo\n", file="mine.txt"),
    in_the_data("a path into objects that is not there", NESTED, "data.text=review.text", file="mine.jsonl"),
    in_the_data("two texts of which one is not there", rows(60), "data.text=[title, text]"),
    in_the_data("several columns of one class", TWO_COLUMNS, "data.label=[a, b]"),
    in_the_data("a label column with a class a row", "label,text\n" + CLASS_A_ROW),
    in_the_data("a line that is no JSON", lines_of({"text": "a", "label": 1}) + "text\n", file="mine.jsonl"),
    in_the_data("a line that is no object", lines_of({"text": "a", "label": 1}, ["b", 0]), file="mine.jsonl"),
    in_the_data("texts that are missing", NO_TEXTS, file="mine.jsonl"),
    in_the_data("a text that is a number", lines_of({"text": "a", "label": 1}, {"text": 3}), file="mine.jsonl"),
    in_the_data("labels that may be missing ones", rows(260, labels=(-1, 0, 1))),
    in_the_data("words that may say that a label is missing", rows(260, labels=("NA", "good", "bad", "?"))),
    in_the_data("NA in a column of numbers", rows(260, labels=("NA", 1, 2))),
    in_the_data("classes that differ in case only", rows(260, labels=("good", "Good", "bad"))),
    in_the_data("labels that are lists", LIST_LABELS, file="mine.jsonl"),
    in_the_data("labels that are NaN", NAN_LABELS, file="mine.jsonl"),
    in_the_data("labels of two kinds", MIXED_LABELS, file="mine.jsonl"),
    in_the_data("a word among values", rows(260, labels=(0.5, 1.5, "abc")), *VALUES),
    in_the_data("an infinite value", rows(260, labels=(0.5, 1.5, "inf")), *VALUES),
    in_the_data("one value for all", rows(260, labels=(1.5,)), *VALUES),
    in_the_data("values that stand in another column", rows(260), *VALUES, "data.label=[label, score]"),
    in_the_data("a row with half of its values", TWO_COLUMNS.replace(",3,4", ",3,"), *VALUES, "data.label=[a, b]"),
    in_the_data("label sets without a separator", rows(260, labels=("a|b", "a", "b")), *SETS),
    in_the_data("a flag that is neither 0 nor 1", TWO_COLUMNS, *SETS, "data.label=[a, b]"),
    in_the_data("a column of one class", TWO_COLUMNS, "task=multioutput", "data.label=[a, one]"),
    in_the_data("a parquet file that is none", b"PAR1 and so on", file="mine.parquet"),
    in_the_data("one class", rows(60, labels=(1,))),
    in_the_data("no label at all", rows(60, labels=("",))),
    in_the_data("labels that are numbers between", rows(60, labels=(0.5, 1.5))),
    in_the_data("all texts empty", "text,label\n" + " ,0\n ,1\n" * 30),
    in_the_data("texts without a word in common", STRANGERS),
    in_the_data("texts without a word in common, and a teacher of n-grams", STRANGERS, "teacher={kind: nblr}"),
    in_the_data(
        "an ensemble with texts without a word in common",
        STRANGERS,
        "teacher={kind: ensemble, members: [{kind: network, model: textcnn}, {kind: nblr}]}",
    ),
    in_the_data(
        "labelled rows of one class",
        rows(260, labels=(0,) * 259 + (1,)),
        "data.labelled=2",
        "data.split.stratify=false",
    ),
    in_the_splits("a folder without a train file", test=rows(20)),
    in_the_splits("a test file without a column of labels", train=rows(60), test="id,text\n1,one\n2,two\n"),
    Case(
        "data",
        "a folder with two train files",
        run("data.source=mine"),
        files({"mine/train.csv": "", "mine/train.tsv": ""}),
    ),
    in_the_splits("an empty test file", train=rows(60), test=""),
    in_the_splits("a test file of a header alone", train=rows(60), test="text,label\n"),
    in_the_splits("a validation file of a header alone", train=rows(60), validation="text,label\n"),
    in_the_splits("a label of the test file unseen in training", train=rows(60), test=rows(9, start=60, labels=(0, 2))),
    in_the_splits(
        "a label of the test file in other case",
        train=rows(60, labels=("good", "bad")),
        test=rows(9, start=60, labels=("Good", "bad")),
    ),
    in_the_splits(
        "a label of the validation file unseen in training",
        train=rows(60),
        validation=rows(9, start=60, labels=("positive", 1)),
    ),
    in_the_splits(
        "a test file without labels",
        "data.split.validation=9",
        "data.labelled=20",
        train=rows(60),
        test=rows(9, start=60, labels=("", 1)),
    ),
    in_the_splits("all training rows in the test file", train=rows(60), test=rows(60)),
    in_the_splits(
        "all validation rows in the test file", train=rows(60), validation=rows(9, start=90), test=rows(9, start=90)
    ),
]

NETWORK = """import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, outputs, size, width):
        super().__init__()
        self.table = nn.Embedding(size, width)
        self.head = nn.Linear(width, outputs)

    def forward(self, input_ids, attention_mask):
        return self.head(self.table(input_ids).mean(1))

def build(outputs, form, width=4):
    return Net(outputs, form.vocabulary.size, width)
"""


WRITES = "input_ids[:, 0] = 1\n        return self.head"
DROPS = "nn.functional.dropout(self.table(input_ids)).mul(attention_mask[..., None]).sum(1)"


RELOADED = "import importlib\nimport sys\n\nimportlib.reload(sys.modules[__name__])\n"
ENDING_SIGNATURE = """
class Build:
    def __call__(self, outputs):
        return None

    @property
    def __signature__(self):
        raise SystemExit(0)

build = Build()
"""
SILENT = "class Silent(Exception):\n    def __str__(self):\n        raise SystemExit(0)\n"


def of_the_user(name: str, module: str, *, model: str = "mynet:build") -> Case:
    return Case("models", name, run(f"student.model={model}"), files({"mynet.py": module}))


VECTORS = "gem 0.1 0.2 0.3\nbore 0.3 0.2 0.1\n"
BERT = json.dumps({"model_type": "bert", "vocab_size": 9, "hidden_size": 8, "num_attention_heads": 2})


def of_the_hub(name: str, model: str, *keys: str, **config: object) -> Case:
    line = run(f"teacher={{{', '.join(['kind: transformers', f'model: {model}', *keys])}}}")
    return Case("models", name, line, files({"bert/config.json": json.dumps(json.loads(BERT) | config)}))


HEAD = {"architectures": ["BertForSequenceClassification"], "id2label": {0: "NEG", 1: "NEUTRAL", 2: "POS"}}


TEACHER = NETWORK.replace(".mean(1)", ".mul(attention_mask[..., None]).sum(1)")
TOKENS = {"[PAD]": 0, "[UNK]": 1, "gem": 2, "bore": 3, "a": 4, "the": 5, "film": 6, "it": 7}
OWN = "reads: {tokenizer: {kind: transformers, path: own}, max_length: 8}"


def own_tokenizer(folder: Path) -> None:
    tokenizer = Tokenizer(WordLevel(TOKENS, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    (folder / "own").mkdir()
    (folder / "own/tokenizer.json").write_text(tokenizer.to_str())


def of_ones_own(name: str, kind: str, *keys: str, prepare: Prepare | None = None, reads: str = OWN) -> Case:
    """Return the case of a teacher from outside; its tokenizer lies in `own`."""

    def lay(folder: Path) -> None:
        own_tokenizer(folder)
        (folder / "mynet.py").write_text(TEACHER)
        if prepare is not None:
            prepare(folder)

    return Case("teachers", name, run(f"teacher={{{', '.join([f'kind: {kind}', *keys, reads])}}}"), lay)


ANSWER = "def answer(values):\n    return [0.5 for value in values]\n"


def asked(name: str, teacher: str, contents: Mapping[str, str | bytes] | None = None) -> Case:
    """Return the case of a teacher that is asked with values as they were read."""
    return Case("teachers", name, run(f"teacher={{{teacher}}}"), files(contents or {}))


def weights(*, rows: int = 8, names: tuple[str, ...] = ("table.weight", "head.weight", "head.bias")) -> Prepare:
    """Return what writes weights of the network: of a vocabulary of so many rows, under these names."""
    tensors = (torch.ones(rows, 4), torch.ones(2, 4), torch.ones(2))
    return lambda folder: save_file(dict(zip(names, tensors, strict=True)), folder / "w.safetensors")


def saved(value: object) -> Prepare:
    return lambda folder: torch.save(value, folder / "w.pt")


def onnx_bag(**keys: object) -> Prepare:
    return lambda folder: bag(folder / "m.onnx", np.eye(8, 2, dtype=np.float32), **keys)


def onnx_outside(folder: Path) -> None:
    onnx_bag(save_as_external_data=True, location="m.bin", size_threshold=0)(folder)
    (folder / "m.bin").unlink()


def onnx_cut(folder: Path) -> None:
    onnx_bag()(folder)
    cut("m.onnx")(folder)


MODULE = "build: mynet:build"
WITH = (MODULE, "weights: w.safetensors")
ONNX = "path: m.onnx"
FUNCTION = "def features(input_ids):\n    return input_ids[:, :1]\n"
FAILS = "def features(input_ids, attention_mask):\n    return input_ids[:, 99]\n"
TEACHERS = [
    of_ones_own("a module to build that is not there", "module", "build: mypgk:build"),
    of_ones_own("weights that are not there", "module", *WITH),
    of_ones_own("weights of other names", "module", *WITH, prepare=weights(names=("table.weight", "a", "b"))),
    of_ones_own("weights of another vocabulary", "module", *WITH, prepare=weights(rows=9)),
    of_ones_own("a file that is no safetensors", "module", *WITH, prepare=files({"w.safetensors": "tensors"})),
    of_ones_own("a checkpoint of more than tensors", "module", MODULE, "weights: w.pt", prepare=saved({"epoch": 3})),
    of_ones_own("a checkpoint of objects", "module", MODULE, "weights: w.pt", prepare=saved({"path": Path("w")})),
    of_ones_own("a name of the catalogue without weights", "module", "build: textcnn"),
    of_ones_own("a finished network without its tokenizer", "module", MODULE, reads="reads: {max_length: 8}"),
    of_ones_own("a module of more outputs than classes", "module", MODULE, "outputs: 3"),
    of_ones_own("an ONNX file that is not there", "onnx", ONNX),
    of_ones_own("a file that is no ONNX", "onnx", ONNX, prepare=files({"m.onnx": "a model"})),
    of_ones_own("an ONNX file cut short", "onnx", ONNX, prepare=onnx_cut),
    of_ones_own("an ONNX file without its external data", "onnx", ONNX, prepare=onnx_outside),
    of_ones_own(
        "an ONNX file of more outputs than classes",
        "onnx",
        ONNX,
        prepare=lambda f: bag(f / "m.onnx", np.eye(8, 3, dtype=np.float32)),
    ),
    of_ones_own(
        "an ONNX file of images for texts",
        "onnx",
        ONNX,
        prepare=lambda f: pixels(f / "m.onnx", np.ones((4, 2), np.float32), ("batch", 2, 2)),
    ),
    of_ones_own("an input that an ONNX file has not", "onnx", ONNX, "inputs: {ids: input_ids}", prepare=onnx_bag()),
    of_ones_own("an output that an ONNX file has not", "onnx", ONNX, "output: logits", prepare=onnx_bag()),
    of_ones_own("logits that are called probabilities", "onnx", ONNX, "answers: probabilities", prepare=onnx_bag()),
    of_ones_own("features of a module that is not there", "embedding", "model: my:features"),
    of_ones_own(
        "features of a function that does not take the mask",
        "embedding",
        "model: mine:features",
        prepare=files({"mine.py": FUNCTION}),
    ),
    of_ones_own(
        "features of a function that fails", "embedding", "model: mine:features", prepare=files({"mine.py": FAILS})
    ),
    of_ones_own(
        "features of arrays from a network of texts",
        "embedding",
        "model: minilm",
        reads="reads: {kind: arrays, of: teacher}",
    ),
    asked("a pipeline that is not there", "kind: sklearn, path: m.skops"),
    asked("a pipeline that is pickled", "kind: sklearn, path: m.joblib", {"m.joblib": b"\x80\x04N."}),
    asked("a skops file that is none", "kind: sklearn, path: m.skops", {"m.skops": b"\x80\x04N."}),
    asked("a function without a version", "kind: callable, function: mine:answer", {"mine.py": ANSWER}),
    asked(
        "an answering function that is not there",
        "kind: callable, function: mine:answers, version: 1",
        {"mine.py": ANSWER},
    ),
    asked("a function that returns a column", "kind: callable, function: mine:answer, version: 1", {"mine.py": ANSWER}),
    asked("a file of answers that is not there", "kind: file, path: a.csv, by: text"),
    asked("a file of answers without most rows", "kind: file, path: a.csv, by: text", {"a.csv": "text,0,1\nno,1,0\n"}),
    asked("a file of answers by another column", "kind: file, path: a.csv, by: id", {"a.csv": "text,0,1\nno,1,0\n"}),
]

MODELS = [
    in_the_recipe("an unknown model", "student.model=ngarms", group="models"),
    in_the_recipe("an unknown option of a model", "student.model.bucket=64", group="models"),
    of_the_user("a module that is not there", NETWORK, model="my_net:build"),
    of_the_user("a module with a syntax error", NETWORK.replace("return", "retrun")),
    of_the_user("a module that fails when imported", NETWORK + "TABLE = [][1]\n"),
    of_the_user("a module that ends the process", "import sys\n\nsys.exit()\n"),
    of_the_user("a module that raises what is no Exception", "raise BaseException('an odd end')\n"),
    of_the_user("a module whose error ends the process", f"{SILENT}\nraise Silent\n"),
    of_the_user("a module that imports itself", "import mynet\n\nmynet.build\n"),
    of_the_user("a module that is loaded again and again", RELOADED),
    of_the_user("a module without a function", "# to be written\n"),
    of_the_user("a module whose names end the process", "def __getattr__(name):\n    raise SystemExit\n"),
    of_the_user("a function that is not there", NETWORK, model="mynet:biuld"),
    of_the_user("a function of C", NETWORK, model="builtins:dict"),
    of_the_user("a function that would end the process", NETWORK, model="os:_exit"),
    of_the_user("a function that ends the process", "def build(outputs):\n    raise SystemExit(0)\n"),
    of_the_user("a function whose signature ends the process", ENDING_SIGNATURE),
    of_the_user("a forward that ends the process", NETWORK.replace("return self.head", "raise SystemExit(0)\n#")),
    of_the_user("an argument that the function does not take", NETWORK, model="{name: mynet:build, widht: 8}"),
    of_the_user(
        "a function in the words of earlier versions",
        NETWORK.replace("build(outputs, form,", "build(classes, vocabulary,"),
    ),
    of_the_user("a function without outputs", NETWORK.replace("build(outputs, form,", "build(form,")),
    in_the_recipe("a network of texts for arrays", "student.reads={kind: arrays, of: student}", group="models"),
    of_the_user("a function that fails", "def build(outputs):\n    raise ValueError('an odd width')\n"),
    of_the_user("a function that returns no module", "def build(outputs):\n    return outputs\n"),
    of_the_user("logits a token instead of logits a text", NETWORK.replace(".mean(1)", "")),
    of_the_user("one logit for two classes", NETWORK.replace("Linear(width, outputs)", "Linear(width, 1)")),
    of_the_user("a tuple instead of logits", NETWORK.replace(".mean(1))", ".mean(1)),")),
    of_the_user("a forward that fails", NETWORK.replace("Linear(width", "Linear(width + 1")),
    of_the_user("a forward of other arguments", NETWORK.replace("attention_mask", "lengths")),
    of_the_user("a network that pools over padding", NETWORK),
    of_the_user("a network that writes into its inputs", NETWORK.replace("return self.head", WRITES)),
    of_the_user("dropout that is on in evaluation mode", NETWORK.replace("self.table(input_ids).mean(1)", DROPS)),
    Case(
        "models",
        "word vectors of another width",
        run("student.model={name: textcnn, vectors: v.txt}"),
        files({"v.txt": VECTORS}),
    ),
    Case("models", "word vectors that are not there", run("student.model={name: textcnn, vectors: glove.txt}")),
    of_the_hub("a pretrained folder without weights", "bert"),
    of_the_hub("a pretrained folder that is not there", "./brt"),
    of_the_hub("a hub id without a network", "owner/no-such-model"),
    of_the_hub("a pretrained folder with code of its own", "bert", auto_map={"AutoModel": "mine.Mine"}),
    of_the_hub("a finished classifier of more outputs than classes", "bert", "finetune: false", **HEAD),
    of_the_hub("an output that the teacher has not", "bert", "labels: {NEGATIV: 0, POS: 1}", **HEAD),
    of_the_hub("an output without a class", "bert", "labels: {NEG: 0}", **HEAD),
    of_the_hub("an encoder to be taken as it is", "bert", "finetune: false"),
]

SHARD = "out/cache/*/shard-00004.safetensors"  # of all but the test rows
MANIFEST = "out/cache/*/manifest.json"
CHECKPOINT = "out/student/seed-0/checkpoint.safetensors"


def in_the_run(
    name: str, prepare: Prepare, mend: str | None = None, *, start: Literal["finished", "interrupted"] = "finished"
) -> Case:
    return Case("run folder", name, run(), prepare, start, mend)


def half_of_json(_: str) -> str:
    return '{"format": '


def other_teacher(manifest: str) -> str:
    values = json.loads(manifest)
    values["identity"]["teacher"] = "0123456789abcdef"
    return json.dumps(values)


def other_network(folder: Path) -> None:
    weights = {name: torch.zeros(3) for name in load_file(folder / "out/teacher/model.safetensors")}
    save_file(weights, folder / "out/teacher/model.safetensors")


def somebodys_own_bundle(folder: Path) -> None:
    for made in ("bundle", "evaluation"):
        shutil.rmtree(folder / "out" / made)
    edit("out/.limbeck/written.txt", lambda text: text + "- bundle/README.md\n")(folder)
    files({"out/bundle/README.md": "years of work"})(folder)


def answers_elsewhere(folder: Path) -> None:
    """Leave a cache of another teacher at the path that is given."""
    edit(MANIFEST, other_teacher)(folder)
    cache = one(folder, "out/cache/*")
    names = sorted(path.name for path in cache.iterdir())
    (folder / "answers").mkdir()
    shutil.copytree(cache, folder / "answers/teacher")
    lines = ["limbeck cache, format 1", *(f"+ teacher/{name}" for name in names)]
    files({"answers/.limbeck/written.txt": "".join(f"{line}\n" for line in lines)})(folder)


ELSEWHERE = json.dumps(
    {"host": "elsewhere", "space": "", "pid": 7, "boot": "", "started": "1", "since": "2026-01-02T03:04:05+00:00"}
    | {"command": "limbeck run tiny.yaml --out out"}
)
RUN_FOLDER = [
    in_the_run("a record of what was written that is another file", edit("out/.limbeck/written.txt", lambda _: "me\n")),
    in_the_run("a lock of another machine", files({"out/.limbeck/lock-elsewhere-7-1.json": ELSEWHERE})),
    in_the_run("a lock cut short", files({"out/.limbeck/lock-elsewhere-7-1.json": ELSEWHERE[:9]})),
    in_the_run("a file of somebody's own where one is written", somebodys_own_bundle),
    in_the_run("a cache of another teacher", edit(MANIFEST, other_teacher), "out/cache"),
    in_the_run("a cache whose manifest is cut short", edit(MANIFEST, half_of_json)),
    in_the_run("a cache whose manifest is another file", edit(MANIFEST, lambda _: "[]")),
    Case("run folder", "a cache's path that holds something else", run("cache.path=mine"), files({"mine/a.txt": "a"})),
    Case(
        "run folder",
        "a cache's path that holds another teacher's answers",
        run("cache.path=answers"),
        answers_elsewhere,
        "finished",
        "answers/teacher",
    ),
    in_the_run("a shard cut short", cut(SHARD)),
    in_the_run("a flipped bit in a shard", flip(SHARD), "out/cache"),
    in_the_run("a shard that is missing", lambda folder: one(folder, SHARD).unlink()),
    in_the_run("weights cut short", cut("out/teacher/model.safetensors"), "out/teacher"),
    in_the_run("a flipped bit in the weights", flip("out/student/seed-0/model.safetensors"), "out/student/seed-0"),
    in_the_run("weights of another network", other_network),
    in_the_run("weights that are missing", lambda f: (f / "out/teacher/model.safetensors").unlink()),
    in_the_run("a history cut short", cut("out/student/seed-0/history.json")),
    in_the_run("a stage's record cut short", cut("out/teacher/stage.json"), "out/teacher"),
    in_the_run("a stage's record of another form", edit("out/teacher/stage.json", lambda _: "[]")),
    in_the_run("a flipped bit in an exported model", flip("out/export/student/model.onnx"), "out/export/student"),
    in_the_run("a checkpoint cut short", cut(CHECKPOINT), start="interrupted"),
    in_the_run("a flipped bit in a checkpoint", flip_in_tensor(CHECKPOINT, "model/"), CHECKPOINT, start="interrupted"),
]


def with_bundle(name: str, line: tuple[str, ...], prepare: Prepare | None = None) -> Case:
    return Case("bundle", name, line, prepare, "finished")


def next_format(text: str) -> str:
    return json.dumps(json.loads(text) | {"format": 3})


def without_probe(text: str) -> str:
    return json.dumps({key: value for key, value in json.loads(text).items() if key not in ("probe", "threads")})


def exchanged_labels(text: str) -> str:
    info = json.loads(text)
    return json.dumps(sealed(info | {"labels": info["labels"][::-1]}))


INFO = "out/bundle/bundle.json"
BUNDLE = [
    Case("bundle", "predict in a folder that is no bundle", ("predict", ".")),
    Case("bundle", "evaluate a folder that is not there", ("evaluate", "nowhere", "rows.csv")),
    with_bundle("a model cut short", ("predict", "out"), cut("out/bundle/model.onnx")),
    with_bundle("a flipped bit in the model", ("predict", "out/bundle"), flip("out/bundle/model.onnx")),
    with_bundle("a bundle of a later format", ("predict", "out"), edit(INFO, next_format)),
    with_bundle("a bundle of before there was a probe", ("predict", "out"), edit(INFO, without_probe)),
    with_bundle("labels exchanged, and sealed again", ("predict", "out"), edit(INFO, exchanged_labels)),
    with_bundle("a pipe in the place of a model", ("predict", "out"), pipe_instead("out/bundle/model.onnx")),
    with_bundle("a bundle.json cut short", ("predict", "out"), edit(INFO, half_of_json)),
    with_bundle(
        "a tokenizer that is missing", ("predict", "out"), lambda f: (f / "out/bundle/tokenizer.json").unlink()
    ),
    with_bundle("a text file that is not there", ("predict", "out", "texts.txt")),
    with_bundle("a text file that is not UTF-8", ("predict", "out", "texts.txt"), files({"texts.txt": b"caf\xe9\n"})),
    with_bundle(
        "a label that the bundle does not know",
        ("evaluate", "out", "mine.csv"),
        files({"mine.csv": rows(9, labels=(0, 3))}),
    ),
    with_bundle(
        "rows to evaluate of which none has a label",
        ("evaluate", "out", "mine.csv"),
        files({"mine.csv": rows(9, labels=("", ""))}),
    ),
    with_bundle("a packaged source to evaluate that has no test split", ("evaluate", "out", "sentiment-ratings")),
    with_bundle("a file to evaluate that is not there", ("evaluate", "out", "nope.csv")),
    with_bundle("a text column to evaluate that is not there", ("evaluate", "out", "rows.csv", "--column", "body")),
    with_bundle(
        "texts to evaluate that are missing or have no label",
        ("evaluate", "out", "mine.jsonl"),
        files({"mine.jsonl": lines_of({"text": "a"}, {"label": 0})}),
    ),
    with_bundle(
        "a file to evaluate without a column of labels",
        ("evaluate", "out", "mine.csv"),
        files({"mine.csv": "Nr,text\n" + "".join(f"{row},text {row}\n" for row in range(99))}),
    ),
    with_bundle(
        "a file to evaluate whose column of labels is called otherwise",
        ("evaluate", "out", "mine.csv"),
        files({"mine.csv": "Nr,text,kind\n" + "".join(f"{row},text {row},{row % 2}\n" for row in range(99))}),
    ),
    with_bundle("a column to evaluate that is not there", ("evaluate", "out", "rows.csv", "--label", "kind")),
]

MLP = ("data.features=*", "student={model: mlp}", "teacher={kind: network, model: mlp}")


def of_a_table(name: str, change: Callable[[int], Mapping[str, object]], *overrides: str) -> Case:
    """Return the case of 260 rows with an age, a job and a label, of which `change` says what is different."""
    table = [{"age": row % 50, "job": f"job {row % 7}", "size": row / 7, "label": row % 2} for row in range(260)]
    text = lines_of(*(row | change(number) for number, row in enumerate(table)))
    return Case("tables", name, run("data.source=mine.jsonl", *MLP, *overrides), files({"mine.jsonl": text}))


TABLES = [
    of_a_table("a column of a table that is not there", lambda row: {}, "data.features=[age, jobb]"),
    of_a_table("a column of a table that stands twice", lambda row: {}, "data.features=[age, age]"),
    of_a_table("columns of a table by number", lambda row: {}, "data.features=[0, 1]"),
    of_a_table("no column of a table", lambda row: {}, "data.features=[]"),
    of_a_table("the label among the columns of a table", lambda row: {}, "data.features=[age, label]"),
    of_a_table("a table's column of many numbers and a text", lambda row: {"size": "large"} if row == 6 else {}),
    of_a_table("a table's infinite number", lambda row: {"size": 1e999} if row == 6 else {}),
    of_a_table("a table's cell that is a list", lambda row: {"job": ["cook"]} if row == 6 else {}),
    of_a_table("a table whose columns tell nothing", lambda row: {"age": 3, "job": "cook", "size": None}),
    of_a_table("a table without such a category column", lambda row: {}, "student.reads.categorical=[jobs]"),
    of_a_table("a network of texts for a table", lambda row: {}, "student={model: ngrams}"),
    of_a_table("copies of a table's rows", lambda row: {}, "data.augment={copies: 2}"),
    of_a_table("a teacher of texts for a table", lambda row: {}, "teacher={kind: nblr}"),
    Case("tables", "a network of tables for texts", run("student={model: mlp}")),
    Case("tables", "boosted trees for texts", run("teacher={kind: boosting}")),
    Case(
        "tables",
        "a table's test file with a text among numbers",
        run("data.source=mine", *MLP),
        files(
            {
                "mine/train.csv": "size,label\n" + "".join(f"{row},{row % 2}\n" for row in range(200)),
                "mine/test.csv": "size,label\n" + "".join(f"{row or 'none given'},{row % 2}\n" for row in range(60)),
            }
        ),
    ),
]


def wav(rate: int = 8000, *, sizes: tuple[int, int] = (800, 800), sample: bytes = b"\0\1") -> bytes:
    """Return a wav file of 16-bit samples; `sizes` are the bytes that it says it has, and has."""
    body = sample * (sizes[1] // len(sample))
    about = struct.pack("<4sIHHIIHH4sI", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", sizes[0])
    return b"RIFF" + struct.pack("<I", sizes[0] + 36) + b"WAVE" + about + body


SOUNDS_RECIPE = """
data: {source: clips.csv, audio: clip, split: {test: 2, validation: 2}}
seeds: [0]
baseline: false
teacher: {kind: network, model: audio_cnn, reads: {kind: audio}}
student: {model: audio_cnn, reads: {kind: audio}}
losses: [{name: kd}]
"""


def in_the_sounds(name: str, seventh: bytes | None, *overrides: str, rates: tuple[int, int] = (8000, 8000)) -> Case:
    """Return a case of eight files of sounds, the seventh of which is this; None: it is not there."""
    table = "clip,label\n" + "".join(f"clips/{row}.wav,{row % 2}\n" for row in range(1, 9))
    sounds = {f"clips/{row}.wav": wav(rates[row // 2 % 2], sample=bytes([row, 1])) for row in range(1, 9) if row != 7}
    seven = {} if seventh is None else {"clips/7.wav": seventh}
    contents = {"sounds.yaml": SOUNDS_RECIPE, "clips.csv": table, **sounds, **seven}
    return Case("sounds", name, run(*overrides, recipe="sounds.yaml"), files(contents))


NAN_WAV = struct.pack("<4sI8sIHHIIHH4sIf", b"RIFF", 40, b"WAVEfmt ", 16, 3, 1, 8000, 32000, 4, 32, b"data", 4, math.nan)
SOUNDS = [
    in_the_sounds("a sound that is not there", None),
    in_the_sounds("a text named .wav", b"this is no sound"),
    in_the_sounds("a sound of 0 frames", wav(sizes=(0, 0))),
    in_the_sounds("a sound cut off", wav(sizes=(800, 400))),
    in_the_sounds("a sound with NaN", NAN_WAV),
    in_the_sounds("a sound of rate 0", wav(0)),
    in_the_sounds("a sound of an absurd rate", wav(4_000_000)),
    in_the_sounds("sounds of two rates", wav(sample=b"\7\2"), rates=(8000, 16_000)),
    in_the_sounds(
        "sounds of two rates, one for the student",
        wav(sample=b"\7\2"),
        "student.reads.rate=12000",
        rates=(8000, 16_000),
    ),
    in_the_sounds(
        "sounds of two rates, for a member and the baseline",
        wav(sample=b"\7\2"),
        "baseline={reads.rate: null}",
        "student.reads.rate=8000",
        "teacher={kind: ensemble, members: "
        "[{kind: network, model: audio_cnn, reads: {rate: 8000}}, {kind: network, model: audio_cnn}]}",
        rates=(8000, 16_000),
    ),
    in_the_sounds("a network of texts for sounds", wav(), "student.model=ngrams"),
    in_the_sounds("more bands than a rate carries", wav(sample=b"\7\2"), "student.model.bands=128"),
    in_the_sounds(
        "copies of sounds that change nothing", wav(), "data.augment={copies: 1, shift: 0, gain: 0, speed: 0}"
    ),
    in_the_sounds("a length of nothing", wav(), "student.reads.seconds=0"),
]


def of_images(name: str, *overrides: str, prepare: Prepare | None = None) -> Case:
    return Case("images", name, run(*overrides, recipe="images.yaml"), prepare or images())


def in_row_seven(name: str, file: str, content: bytes | None) -> Case:
    return of_images(name, prepare=images(file, content))


LARGE = picture(height=64, width=64)
IMAGES = [
    in_row_seven("a path without a file", "none.png", None),
    in_row_seven("a JPEG cut short", "cut.jpg", written(LARGE, "JPEG")[:-300]),
    in_row_seven("a text named .png", "note.png", b"a text"),
    in_row_seven("a picture of 60,000 x 60,000 pixels", "huge.png", huge()),
    in_row_seven(
        "an animated GIF", "moves.gif", written(picture(0), "GIF", save_all=True, append_images=[picture(1)])
    ),
    in_row_seven("a picture of fractions", "depth.tif", written(picture().convert("F"), "TIFF")),
    of_images("a folder without an image", "data.source=all", "data.image=image", prepare=also(images(), no_images)),
    of_images("a folder of one class", "data.source=all", "data.image=image", prepare=also(images(), one_class)),
    of_images("a folder of images as texts", "data.source=all", "data.text=text", "data.image=null",
              prepare=also(images(), one_class)),
    of_images("an npz of Python objects", "data.source=rows.npz", "data.image=pixels",
              prepare=also(images(), object_arrays)),
    of_images("a column that holds no images", "data.source=rows.jsonl",
              prepare=also(images(), files({"rows.jsonl": lines_of({"file": "0.png", "label": 1}, {"file": 3})}))),
    of_images("a packaged source of texts", "data.source=sentiment-ratings", "data.image=text"),
    of_images("a network that reads text", "student={model: ngrams}"),
    of_images("images as text", "data.text=file"),
    of_images("copies of texts", "data.augment={kind: text, copies: 2}"),
    of_images("copies that change nothing", "data.augment={copies: 2}"),
    of_images("images of two sizes", prepare=images("large.png", written(LARGE, "PNG"))),
    of_images("images of two sizes, one for the teacher", "teacher.reads.size=[16, 8]",
              prepare=images("large.png", written(LARGE, "PNG"))),
    of_images("a size of three sides", "student.reads={kind: image, size: [8, 8, 3]}"),
]  # fmt: skip

CASES = [*RECIPE, *DATA, *MODELS, *TEACHERS, *TABLES, *RUN_FOLDER, *BUNDLE, *SOUNDS, *IMAGES]

# Tests of their own, whose messages are pinned beside the others.
DISK_FULL = {8_000: "a full disk, at the encoded rows", 30_000: "a full disk, at the report"}
DISK_FULL_IN = {
    "limbeck.pipeline.training.exported.export_onnx": "a full disk, at the export",
    "limbeck.bundle.precision.quantize_int8": "a full disk, at the int8 twin",
}
SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
PINNED = [
    *((case.group, case.name) for case in CASES),
    *(("machine", name) for name in (*DISK_FULL.values(), *DISK_FULL_IN.values(), *SIGNALS.values())),
]
