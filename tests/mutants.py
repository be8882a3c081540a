"""The mistakes that `mutate.py` puts into a copy of the package, one at a time."""

# One file: a table, one entry a mistake.

from dataclasses import dataclass, field

CONTRACT = "tests/contract/test_losses.py"
BUGS = "tests/losses/test_known_bugs.py"
KD_RANGE = "tests/losses/test_kd_range.py"
TERM = "tests/losses/test_term.py"
RESPONSES = "tests/losses/test_known_response_bugs.py"
BROKEN = "tests/losses/test_what_was_broken.py"
DIVERGENCES = "tests/losses/test_divergence_range.py"
ACCUMULATION = "tests/trainer/test_trainer_accumulation.py"
LOOP = "tests/trainer/test_trainer_loop.py"
RANKS = "tests/ranks/test_ranks.py"
RESUME = "tests/trainer/test_trainer_resume.py"
LABELLING = "tests/cache/test_cache_labelling.py"
ENGINE = "tests/pipeline/test_engine.py"
IN_ADVANCE = "tests/pipeline/test_label.py"
STORE = "tests/cache/test_cache_store.py"
CODECS = "tests/cache/test_codecs.py"
HIDDEN = "tests/cache/test_hidden.py"
FORMS = "tests/contract/test_loss_forms.py"
IN_CHUNKS = "tests/contract/test_chunked.py"
CHUNKED = "tests/losses/test_known_chunk_bugs.py"
OF_BATCHES = "tests/contract/test_batch_losses.py"
RELATION_BUGS = "tests/losses/test_known_relation_bugs.py"
TRANSFORM_BUGS = "tests/losses/test_known_transform_bugs.py"
CTKD = "tests/losses/test_ctkd.py"
CRITICS = "tests/trainer/test_trainer_critics.py"
MEAN = "tests/trainer/test_mean_teacher.py"
MEAN_RUN = "tests/pipeline/test_mean_teacher_run.py"
MUTUAL, MUTUAL_RUN = "tests/trainer/test_mutual.py", "tests/pipeline/test_mutual_run.py"
TAPS = "tests/taps/test_taps.py"
TRANSFORMS = "tests/contract/test_transforms.py"
MAPPING = "tests/cache/test_cache_mapping.py"
WRITERS = "tests/cache/test_cache_writers.py"
TOKENS = "tests/cache/test_cache_tokens.py"
TEACHER = "tests/cache/test_module_teacher.py"
MODELS = "tests/models/test_model_contract.py"
IMAGES = "tests/models/test_model_images.py"
RESNET = "tests/models/test_model_resnet.py"
BATCH_NORM = "tests/trainer/test_trainer_batch_norm.py"
NGRAMS = "tests/models/test_model_ngrams.py"
BATCHES = "tests/data/test_data_batches.py"
SPLITS = "tests/data/test_data_splits.py"
HELD = "tests/data/test_data_held.py"
LEAST = "tests/data/test_data_least.py"
PLANNING = "tests/pipeline/test_planning.py"
TFIDF = "tests/teachers/test_tfidf.py"
LINEAR = "tests/models/test_model_linear.py"
TUNING = "tests/pipeline/test_tuning.py"
PLANNED_STUDENTS = "tests/pipeline/test_planning_students.py"
SIDE_BY_SIDE = "tests/pipeline/test_pipeline_side_by_side.py"
AUGMENTATION = "tests/data/test_data_augment.py"
DRAWING = "tests/data/test_data_drawing.py"
LABELS = "tests/data/test_data_labels.py"
LIKENESS = "tests/data/test_data_likeness.py"
MANY_ROWS = "tests/data/test_data_many_rows.py"
METRICS = "tests/evaluation/test_metrics.py"
SIGNIFICANCE = "tests/evaluation/test_significance.py"
CALIBRATION = "tests/evaluation/test_calibration.py"
WEIGHTS = "tests/data/test_data_class_weights.py"
AUGMENT = "tests/data/test_data_augment.py"
LOADERS = "tests/api/test_distill_loaders.py"
TEACHERS = "tests/pipeline/test_pipeline_teachers.py"
SERVED = "tests/teachers/test_served.py"
ARMS = "tests/pipeline/test_the_arms.py"
FOLDERS = "tests/teachers/test_folders_of_transformers.py"
PROCESSORS = "tests/teachers/test_image_processors.py"
EARLIER = "tests/teachers/test_earlier_runs.py"
PUBLISHED = "tests/teachers/test_published_folders.py"
BUDGET = "tests/evaluation/test_budget.py"
CURVES = "tests/pipeline/test_pipeline_curves.py"
BUNDLE = "tests/bundle/test_bundle_is_student.py"
PICTURES = "tests/runtime/test_pictures.py"
IMAGE_READER = "tests/runtime/test_image_reader.py"
IMAGE_COPIES = "tests/data/test_data_image_augment.py"
SOUNDS = "tests/audio/test_sounds.py"
AUDIO_READER = "tests/audio/test_audio_reader.py"
AUDIO_COPIES = "tests/audio/test_audio_augment.py"
AUDIO = "tests/audio/test_audio_modality.py"
AUDIO_CNN = "tests/models/test_audio_cnn.py"
OMITTED = "tests/data/test_data_omitted.py"
PRIOR = "tests/tasks/test_classification_prior.py"
DRAWN_COPIES = "tests/data/test_data_copies.py"
MULTILABEL = "tests/tasks/test_multilabel.py"
ONNX_TEACHER = "tests/teachers/test_onnx.py"
CALLABLE = "tests/teachers/test_callable.py"
ESTIMATOR = "tests/teachers/test_sklearn.py"
ESTIMATOR_FILES = "tests/teachers/test_sklearn_files.py"
ANSWERS_FILE = "tests/teachers/test_file.py"
IMAGE_DATA = "tests/data/test_data_images.py"
TEST_SPLIT = "tests/pipeline/test_the_test_split.py"
START = "tests/pipeline/test_pipeline_start.py"
KINDS = "tests/teachers/test_kinds.py"
TABLE_ROWS = "tests/data/test_data_table_rows.py"
TABLE_READER = "tests/runtime/test_reader_table.py"
FLOOR = "tests/evaluation/test_floor.py"
BOOSTING = "tests/teachers/test_boosting.py"
REGRESSION = "tests/tasks/test_regression.py"
MULTIOUTPUT = "tests/tasks/test_multioutput.py"
TASKS_RUN = "tests/pipeline/test_tasks_run.py"


@dataclass(frozen=True)
class Mutant:
    """A mistake.

    Attributes:
        name: what is done wrong.
        peer: who did it, or what it does.
        file: under src/limbeck.
        edits: (text, replacement); all are applied to the text as it stands.
        tests: files or node ids, of which one test must fail.
        also: edits of other files, by path.
    """

    name: str
    peer: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]
    also: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, tuple[tuple[str, str], ...]]:
        return {self.file: self.edits} | self.also


TO_THE_TEACHER = ("* slope, value), None, None", "* slope, value), -gradient.unsqueeze(-1) * slope, None")

MUTANTS = (
    # --- the formula ------------------------------------------------------------------------------------------------
    Mutant(
        "T² dropped from kd",
        "keras-io #869, TextBrewer #39: the gradient fades as T grows",
        "losses/kd.py",
        (("temperature**2 * softened_kl", "softened_kl"),),
        (BUGS,),
    ),
    Mutant(
        "T² applied twice in kd",
        "recipes that multiply a loss that holds it already",
        "losses/kd.py",
        (("temperature**2 * softened_kl", "temperature**4 * softened_kl"),),
        (BUGS,),
    ),
    Mutant(
        "temperature on the teacher alone",
        "softened targets, and a student that is compared as it is",
        "losses/kd.py",
        (("softened_kl(z_S,", "softened_kl(temperature * z_S,"),),
        (BUGS,),
    ),
    Mutant(
        "detach dropped from kd",
        "sentence-transformers #3880: the teacher moves towards the student",
        "losses/kd.py",
        (("teacher.detach()", "teacher"),),
        (BUGS,),
        also={"losses/_divergence.py": (TO_THE_TEACHER,)},
    ),
    Mutant(
        "detach dropped from logit_mse",
        "sentence-transformers #3880",
        "losses/logit_mse.py",
        (("teacher.detach()", "teacher"),),
        (BUGS,),
    ),
    Mutant(
        "kd: mean over the classes",
        "ModelOpt, SparseML #592: reduction='mean' divides by the classes too",
        "losses/kd.py",
        (("z_T, temperature)", "z_T, temperature) / z_S.shape[-1]"),),
        (BUGS,),
    ),
    Mutant(
        "logit_mse: mean over the classes",
        "torch.nn.MSELoss",
        "losses/logit_mse.py",
        ((".square().sum(dim=-1)", ".square().mean(dim=-1)"),),
        (CONTRACT,),
    ),
    Mutant(
        "kd divided by the batch once more",
        "EasyDistill 1.0: 400 times too small for 400 tokens",
        "losses/kd.py",
        (("z_T, temperature)", "z_T, temperature) / len(student)"),),
        (BUGS,),
    ),
    Mutant(
        "student and teacher swapped in kd",
        "keras-io #257; kl_div takes its arguments the other way round: reverse KL by accident",
        "losses/_divergence.py",
        (("_value_and_slope(z_S, z_T, temperature)", "_value_and_slope(z_T, z_S, temperature)"),),
        (BUGS,),
    ),
    Mutant(
        "student and teacher swapped in the report's KL",
        "the same, where it is only reported",
        "evaluation/metrics.py",
        (("(np.exp(log_p_T) * (log_p_T - log_p_S))", "(np.exp(log_p_S) * (log_p_S - log_p_T))"),),
        (METRICS,),
    ),
    Mutant(
        "the teacher's entropy left out",
        "torchtune, DistiLLM: ForwardKLLoss is 3.41 at student = teacher",
        "losses/_divergence.py",
        (("plain).squeeze(-1)", "plain).squeeze(-1) - (p_T * at.log_teacher.clamp(min=-99)).sum(-1)"),),
        (BUGS,),
    ),
    Mutant(
        "the sum of p_T * log(p_T / p_S) as it stands",
        "every toolkit: in float32 it cancels, below 0 at T = 20 and to noise at T = 10,000",
        "losses/_divergence.py",
        (("torch.where(near, S.log1p(), plain)", "plain"),),
        (f"{KD_RANGE}::test_a_sum_that_no_class_dominates_is_never_negative",),
    ),
    Mutant(
        "p_S - p_T in float32",
        "at T = 10,000 the gradient of nearly equal logits is rounding",
        "losses/_divergence.py",
        (("(p_S - p_T).lerp_(close, near.to(close.dtype))", "(p_S - p_T)"),),
        (f"{KD_RANGE}::test_a_large_temperature_is_half_the_mean_square_of_centred_logits",),
    ),
    Mutant(
        "softmax in half precision",
        "sentence-transformers #3800, Liger, TRL: bfloat16 arithmetic",
        "losses/_mask.py",
        (("saved(logits).to(torch.promote_types(logits.dtype, torch.float32))", "saved(logits)"),),
        (BUGS,),
    ),
    # --- the teacher's logits ---------------------------------------------------------------------------------------
    Mutant(
        "dkd: both parts have each other's weight",
        "alpha and beta in the other order",
        "losses/dkd.py",
        (("(alpha * own + beta * among)", "(beta * own + alpha * among)"),),
        (f"{RESPONSES}::test_dkd_of_two_classes_is_its_first_part",),
    ),
    Mutant(
        "T² dropped from dkd",
        "the gradient fades as T grows",
        "losses/dkd.py",
        (("temperature**2 * (alpha", "(alpha"),),
        (f"{RESPONSES}::test_temperature_squared_once_and_on_both_sides",),
    ),
    Mutant(
        "dkd: the label among the others",
        "mdistiller: -1000 does not take a logit of 2,000 out",
        "losses/_target.py",
        (("places + (places >= y)", "places + (places >= y) * 0"),),
        (f"{RESPONSES}::test_dkd_leaves_the_label_out_whatever_its_logit",),
    ),
    Mutant(
        "dkd: the log of a softmax",
        "mdistiller: infinite from a standard deviation of 200 on",
        "losses/_target.py",
        (
            (
                "return torch.cat([logits.gather(-1, y) - top, torch.where(gone, -torch.inf, together)], dim=-1)",
                "p = torch.softmax(logits / temperature, -1).gather(-1, y)\n"
                "    return temperature * torch.cat([p, 1 - p], dim=-1).log()",
            ),
        ),
        (f"{RESPONSES}::test_dkd_is_finite_at_any_scale_of_logits",),
    ),
    Mutant(
        "others that are all ruled out",
        "log_softmax of -inf everywhere is nan",
        "losses/_target.py",
        (("silent = (others_T == -torch.inf)", "silent = (others_T == torch.inf)"),),
        (f"{RESPONSES}::test_a_teacher_that_rules_out_all_others_says_nothing_of_them",),
    ),
    Mutant(
        "nkd: the label without the teacher's confidence",
        "a plain cross-entropy",
        "losses/nkd.py",
        (("own = trust * -log_softmax", "own = -log_softmax"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    Mutant(
        "wsld: a gradient through the weight",
        "the student lowers the weight in place of the divergence",
        "losses/wsld.py",
        (("for each in (z_S.detach(), z_T))", "for each in (z_S, z_T))"),),
        (f"{RESPONSES}::test_wsld_sends_no_gradient_through_its_weight",),
    ),
    Mutant(
        "ttm: the student softened too",
        "kd without its T²",
        "losses/ttm.py",
        (("softened_kl(z_S, softened, 1.0)", "softened_kl(z_S, z_T, temperature)"),),
        (f"{RESPONSES}::test_ttm_has_no_temperature_squared_and_softens_the_teacher_alone",),
    ),
    Mutant(
        "ttm: a power of a softmax",
        "TTM: small probabilities are 0 before the root is taken",
        "losses/ttm.py",
        (
            (
                "softened = (z_T - z_T.amax(dim=-1, keepdim=True)) / temperature",
                "softened = (z_T.softmax(-1) ** (1 / temperature)).log()",
            ),
        ),
        (f"{RESPONSES}::test_powers_of_small_probabilities_are_not_lost",),
    ),
    Mutant(
        "wttm: a mean of the powers",
        "a weight of at most 1, whatever the number of classes",
        "losses/wttm.py",
        ((".exp().sum(dim=-1) * values", ".exp().mean(dim=-1) * values"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    Mutant(
        "the rest at the student's own temperature",
        "a loss that softens the teacher alone, of a cache of top-k",
        "losses/term.py",
        (('softened = self._temperature if self.card.softens == "both" else 1.0', "softened = self._temperature"),),
        (FORMS,),
    ),
    Mutant(
        "student and teacher swapped in reverse_kl",
        "twinkle #112: kl_div takes its arguments the other way round",
        "losses/reverse_kl.py",
        (("divergence(z_S, z_T, temperature", "divergence(z_T, z_S, temperature"),),
        (f"{RESPONSES}::test_reverse_kl_is_not_forward_kl",),
    ),
    Mutant(
        "reverse_kl takes a class that the teacher rules out",
        "DistiLLM leaves it out of the sum, which may then be negative",
        "losses/reverse_kl.py",
        (('check_reaches(teacher, mask, "reverse_kl")', "check_mask(mask, teacher)"),),
        (f"{RESPONSES}::test_a_class_that_the_teacher_rules_out_is_refused_and_not_left_out",),
    ),
    Mutant(
        "log p_S - log p_T as it stands",
        "every toolkit: where the two are nearly equal it is rounding",
        "losses/_ratio.py",
        (
            (
                "torch.where(close, at.v - at.S.log1p(), at.log_student - at.log_teacher)",
                "torch.where(close & ~close, at.v, at.log_student - at.log_teacher)",
            ),
        ),
        (f"{DIVERGENCES}::test_values_and_gradients_have_their_digits",),
    ),
    Mutant(
        "jsd: beta is the student's share",
        "TRL #3043",
        "losses/jsd.py",
        (("partial(_summands, beta=beta)", "partial(_summands, beta=1 - beta)"),),
        (f"{RESPONSES}::test_beta_is_the_teachers_share_of_the_mixture",),
    ),
    Mutant(
        "jsd: its ends are next to nothing",
        "verl-recipe #151: beta = 1 is 1 - 1e-6",
        "losses/jsd.py",
        (("    if beta in (0, 1):\n", "    beta = min(max(beta, 1e-6), 1 - 1e-6)\n    if beta in (0, 1):\n"),),
        (f"{RESPONSES}::test_the_ends_of_jsd_are_forward_and_reverse_and_not_nothing",),
    ),
    Mutant(
        "skew_kl: summands that cancel",
        "p * log(p / m) as it stands",
        "losses/_ratio.py",
        (("torch.where(near, p * _log_excess(x), other * (q - p) - p * log_m)", "p * -log_m"),),
        (f"{DIVERGENCES}::test_no_sum_is_negative",),
    ),
    Mutant(
        "skew_kl: never reverse",
        "a parameter that nobody reads",
        "losses/skew_kl.py",
        (("_reverse if reverse else _forward", "_forward"),),
        (f"{DIVERGENCES}::test_values_and_gradients_have_their_digits",),
    ),
    Mutant(
        "total_variation without its half",
        "a distance of up to 2",
        "losses/_ratio.py",
        (("return distance / 2, p_S * e.sign() / 2", "return distance, p_S * e.sign()"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    Mutant(
        "the virtual teacher adds up to less than 1",
        "(1 - a) / K in the place of (1 - a) / (K - 1)",
        "losses/tf_kd.py",
        ((".to(z_S.dtype) - 1))", ".to(z_S.dtype)))"),),
        (f"{RESPONSES}::test_the_virtual_teacher_is_softened_as_a_teacher_is",),
    ),
    Mutant(
        "uld: the longer one is cut",
        "what the other vocabulary does not reach counts nothing",
        "losses/uld.py",
        (("width = max(own", "width = min(own"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    Mutant(
        "uld: filled up with logits",
        "Liger: a logit of 0, for tokens that do not exist",
        "losses/uld.py",
        (
            (
                "(_sorted(each, temperature, mask) for each in (student, teacher.detach()))",
                "(_sorted(pad(each, (0, max(student.shape[-1], teacher.shape[-1]) - each.shape[-1])), temperature, "
                "mask) for each in (student, teacher.detach()))",
            ),
        ),
        (f"{RESPONSES}::test_uld_fills_up_with_probabilities_and_not_with_logits",),
    ),
    Mutant(
        "dist_inter: a cosine",
        "probabilities that are not centred",
        "losses/dist_inter.py",
        (("torch.where(there, shares - mean, 0)", "torch.where(there, shares + 1, 0)"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    Mutant(
        "dist: 1 less a sum of products",
        "1 - r of nearly equal probabilities is rounding",
        "losses/_units.py",
        (("(u - v).square().sum(dim=dim) / 2", "1 - (u * v).sum(dim=dim)"),),
        (f"{RESPONSES}::test_dist_in_float32_tells_apart_what_is_nearly_equal",),
    ),
    Mutant(
        "dist: a direction of what is equal",
        "1/0 in the gradient of a student that says nothing yet",
        "losses/_units.py",
        (
            (
                "return torch.where(length > 0, x, 0) / torch.where(length > 0, length, 1)",
                "return x / x.norm(dim=dim, keepdim=True)",
            ),
        ),
        (f"{RESPONSES}::test_a_student_that_says_nothing_yet_has_a_finite_gradient",),
    ),
    Mutant(
        "dist_intra: a sum over the classes",
        "a weight that depends on how many there are",
        "losses/dist_intra.py",
        (("unlike(own, other, 0).mean()", "unlike(own, other, 0).sum()"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    Mutant(
        "mlkd_instance: a mean over the temperatures",
        "a fifth of what the published weight is for",
        "losses/mlkd_instance.py",
        (("torch.stack(values).sum(dim=0)", "torch.stack(values).mean(dim=0)"),),
        (f"{RESPONSES}::test_mlkd_has_each_temperature_squared",),
    ),
    Mutant(
        "mlkd_batch: a mean over the temperatures",
        "a fifth of what the published weight is for",
        "losses/mlkd_batch.py",
        (("return torch.stack(values).sum(), len(z_S)", "return torch.stack(values).mean(), len(z_S)"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    Mutant(
        "mlkd_class: the products' difference",
        "P_T' P_T - P_S' P_S is a difference of equals",
        "losses/_relations.py",
        (("(apart @ own.mT + other @ apart.mT)", "(own @ own.mT - other @ other.mT)"),),
        (f"{RESPONSES}::test_products_of_nearly_equal_probabilities_have_their_digits",),
    ),
    Mutant(
        "mlkd_class without its classes",
        "a value that grows with their number",
        "losses/mlkd_class.py",
        (("torch.stack(values).sum() / student.shape[-1]", "torch.stack(values).sum()"),),
        (f"{CONTRACT}::test_golden_number",),
    ),
    # --- what counts ------------------------------------------------------------------------------------------------
    Mutant(
        "padding counted in a loss's values",
        "a masked token still adds its loss",
        "losses/_mask.py",
        (("return values if mask is None else torch.where(mask, values, 0)", "return values"),),
        (CONTRACT,),
    ),
    Mutant(
        "padding masked after the formula only",
        "TRL #5594: the gradient is 0 * inf = nan",
        "losses/_mask.py",
        (("return wide if mask is None else torch.where(mask.unsqueeze(-1), wide, 0.0)", "return wide"),),
        (BUGS,),
    ),
    Mutant(
        "padding counted by a term",
        "transformers #34191: the divisor is the number of places, not of tokens",
        "losses/term.py",
        (("counted = batch.mask\n", "counted = torch.ones_like(batch.mask)\n"),),
        (TERM,),
    ),
    Mutant(
        "unlabelled rows counted by a term",
        "a few labels among much unlabelled text are under-weighted",
        "losses/_counted.py",
        (("return counted & batch.labelled.reshape", "return counted | batch.labelled.reshape"),),
        (TERM,),
    ),
    Mutant(
        "padding counted by mean pooling",
        "a text's logits depend on its neighbours' lengths",
        "models/pooling.py",
        (("kept.sum(1).clamp(min=1)", "values.shape[1]"),),
        (MODELS,),
    ),
    Mutant(
        "pixels are not scaled to [0, 1]",
        "means of ImageNet, subtracted from numbers up to 255",
        "models/pixels.py",
        (("pixels.float() / 255 - self.mean", "pixels.float() - self.mean"),),
        (IMAGES,),
    ),
    Mutant(
        "height and width are swapped",
        "an axis order that square test images hide",
        "models/pixels.py",
        ((".permute(0, 3, 1, 2)", ".permute(0, 3, 2, 1)"),),
        (IMAGES,),
    ),
    Mutant(
        "a channel that never varies is divided by its deviation",
        "infinite logits for grey images with an empty channel",
        "models/pixels.py",
        (("torch.where(std > 0, std, torch.ones_like(std))", "std"),),
        (IMAGES,),
    ),
    Mutant(
        "an axis is halved down to nothing",
        "networks of 32 x 32 pixels, given digits of 8 x 8",
        "models/pixels.py",
        (("_LEAST = 6", "_LEAST = 4"),),
        (IMAGES,),
    ),
    Mutant(
        "shortcut A pads on one side",
        "published weights that load and answer at random",
        "models/resnet.py",
        (("self.sides = (more // 2, more - more // 2)", "self.sides = (0, more)"),),
        (RESNET,),
    ),
    Mutant(
        "a file's normalisation is passed over",
        "a student that starts from a run's weights under other means",
        "models/resnet.py",
        (("return pixels | counts | renamed |", "return counts | renamed | pixels |"),),
        (RESNET,),
    ),
    Mutant(
        "each process validates with its own batch norms",
        "DDP: processes that keep the weights of different steps",
        "trainer.py",
        (("                us.align(student)\n", ""),),
        (RANKS,),
    ),
    Mutant(
        "averaged weights under the statistics of the last batches",
        "an average of a network with batch norm that is worse than the network",
        "optimizer.py",
        (("module.momentum = _share(decay, done)", "pass"),),
        (BATCH_NORM,),
    ),
    Mutant(
        "padding counted by n-grams",
        "the same for a bag of n-grams",
        "models/ngrams.py",
        (("real = F.pad(mask.to(torch.int64)", "real = F.pad(torch.ones_like(input_ids)"),),
        (NGRAMS,),
    ),
    # --- the loop ---------------------------------------------------------------------------------------------------
    Mutant(
        "average of averages",
        "TRL #4719, ms-swift #10165, transformers #34191: each micro-batch by its own count",
        "update.py",
        (("value / divisors[name]", "value / (max(1, distiller.counts(batch)[name]) * len(group))"),),
        (ACCUMULATION,),
    ),
    Mutant(
        "micro-batches summed, not averaged",
        "transformers 5.23 with BertForSequenceClassification: the gradient grows with the number of micro-batches",
        "update.py",
        (("value / divisors[name]", "value / max(1, distiller.counts(batch)[name])"),),
        (ACCUMULATION,),
    ),
    Mutant(
        "validated in training mode",
        "dropout decides which checkpoint is best",
        "trainer.py",
        (("                student.eval()\n                us.align", "                us.align"),),
        (LOOP,),
    ),
    Mutant(
        "training mode not put back after a validation",
        "KD_Lib: no dropout from the second epoch on",
        "trainer.py",
        (("                wrapped.train()\n                track(_named", "                track(_named"),),
        (LOOP, RESUME),
    ),
    Mutant(
        "predictions in training mode",
        "dropout in the evaluation",
        "trainer.py",
        (("with evaluating(model), torch.inference_mode():", "with torch.inference_mode():"),),
        (LOOP,),
    ),
    Mutant(
        "the best weights are a view of the last",
        "state_dict() kept without a copy: `best` is always the last",
        "trainer.py",
        (
            (
                "return {name: whole(value) for name, value in student.state_dict()",
                "return {name: value.detach() for name, value in student.state_dict()",
            ),
        ),
        (LOOP,),
    ),
    Mutant(
        "the average of the weights is not what is kept",
        "validated with the average, shipped with the last weights",
        "trainer.py",
        (("with optimizer.averaged():", "if True:"),),
        (LOOP,),
    ),
    Mutant(
        "random state not restored",
        "accelerate's load_state swallows a failure: another dropout after a restart",
        "checkpoint.py",
        (('torch.set_rng_state(groups["rng"][f"{ranks().rank}/cpu"])', "pass"),),
        (RESUME,),
    ),
    Mutant(
        "optimizer state not restored",
        "TextBrewer: no optimizer state in checkpoints",
        "checkpoint.py",
        (('load_optimizer(optimizer, groups["optimizer"])', "pass"),),
        (RESUME,),
    ),
    Mutant(
        "the checkpoint of another training taken",
        "a changed recipe continues with the old weights",
        "checkpoint.py",
        (('if about["owner"] != owner:', "if False:"),),
        (RESUME,),
    ),
    Mutant(
        "shuffling without a seed",
        "two runs of one recipe differ",
        "data/batches.py",
        (("np.random.default_rng((*self.seed, epoch))", "np.random.default_rng()"),),
        (BATCHES,),
    ),
    # --- the teacher ------------------------------------------------------------------------------------------------
    Mutant(
        "teacher not in evaluation mode",
        "vrvlive #2 and many more: a frozen teacher whose dropout is still on",
        "teachers/module.py",
        (("with evaluating(self._module), torch.no_grad():", "with torch.no_grad():"),),
        (TEACHER,),
    ),
    Mutant(
        "teacher's graph kept",
        "KD_Lib: memory, and a gradient where a loss forgets to detach",
        "teachers/module.py",
        (("torch.no_grad():", "torch.enable_grad():"),),
        (TEACHER,),
    ),
    Mutant(
        "teacher in the optimizer",
        "one optimizer over all parameters at hand, and nothing detached",
        "trainer.py",
        (
            (
                "= AdamW(parameter_groups(trainable, settings)",
                "= AdamW(parameter_groups(Trainable(nn.ModuleList([trainable, distiller.teacher._module])), settings)",
            ),
        ),
        (f"{LOOP}::test_ten_steps_equal_a_plain_loop",),
        also={
            "teachers/module.py": (("torch.no_grad():", "torch.enable_grad():"),),
            "losses/kd.py": (("teacher.detach()", "teacher"),),
            "losses/_divergence.py": (TO_THE_TEACHER,),
        },
    ),
    # --- several processes -------------------------------------------------------------------------------------------
    Mutant(
        "each process divides by its own count",
        "TRL #4719, ModelOpt: normalised locally, so unequal counts are weighted unequally",
        "update.py",
        (("totals = us.total(torch.tensor([sum", "totals = (lambda own: own * us.world)(torch.tensor([sum"),),
        (RANKS,),
    ),
    Mutant(
        "the processes' gradients are averaged, and divided by the whole count",
        "the gradient shrinks with the number of processes",
        "update.py",
        (("(us.world * loss).backward()", "loss.backward()"),),
        (RANKS,),
    ),
    Mutant(
        "the forward goes around the wrapper",
        "DistillKit: it calls the module inside, and every process trains a network of its own",
        "distiller.py",
        (("(wrapped or self.trainable)(", "self.trainable("),),
        (RANKS,),
    ),
    # --- the cache --------------------------------------------------------------------------------------------------
    Mutant(
        "the cache answers by position",
        "haitongli #16, EasyDistill 1.0: the loader shuffles and the targets do not",
        "cache/shards.py",
        (('mode="clip") == ids, rows', 'mode="clip") == ids, np.arange(len(ids)) % len(self)'),),
        (STORE,),
    ),
    Mutant(
        "the cache sorts its ids and not its answers",
        "AReaL #1729, WrinkleFree #13: targets of another example",
        "cache/shards.py",
        (("_ascending(parts, order)", "_ascending(parts, np.arange(len(ids)))"),),
        (STORE,),
    ),
    Mutant(
        "answers of several processes joined process by process",
        "caches of sharded labelling whose rows are another process's",
        "cache/label.py",
        (("itertools.zip_longest(*among.gather(own))", "among.gather(own)"),),
        (f"{RANKS}::test_two_processes_label_as_one_does",),
    ),
    Mutant(
        "answers stored in another order than asked",
        "the teacher is asked by length, the answers are written by row",
        "cache/label.py",
        (("cache.add(examples.ids[rows], ", "cache.add(examples.ids[np.sort(rows)], "),),
        (LABELLING,),
    ),
    Mutant(
        "a foreign cache taken",
        "the answers of last week's teacher",
        "cache/identity.py",
        (("if found.get(key) != value:", "if False:"),),
        (STORE,),
    ),
    Mutant(
        "answers of several shards in the order of the shards",
        "sharded targets that are concatenated as they are found",
        "cache/shards.py",
        (("place[np.concatenate(members)] = ", "place[:] = "),),
        (STORE,),
    ),
    Mutant(
        "the tokens of the example before",
        "offsets off by one: every row of targets is shifted",
        "cache/shards.py",
        (("np.repeat(ends[rows] - offsets", "np.repeat(ends[np.maximum(rows - 1, 0)] - offsets"),),
        (TOKENS,),
    ),
    Mutant(
        "a file that was written anew passes for the one that is mapped",
        "a loader that keeps what it once read under a name",
        "cache/store.py",
        (
            (
                "self._opened.get(key) or",
                "next((had for (name, _), had in self._opened.items() if name == file), None) or",
            ),
        ),
        (MAPPING,),
    ),
    Mutant(
        "a shard's checksum is written and never compared",
        "bytes that changed on the way are trained on",
        "cache/shards.py",
        (("if digest is not None and (found := file_digest(path)) != digest:", "if False:"),),
        (STORE,),
    ),
    Mutant(
        "float16 holds infinity where the teacher was sure",
        "torchtune, DistillKit: stored logits overflow in silence",
        "cache/codecs/dense.py",
        (("if not torch.isfinite(stored).all():", "if False:"),),
        (CODECS,),
    ),
    Mutant(
        "top-k without the rest",
        "DistillKit, verl, ms-swift: a renormalised top-k, by which the student becomes surer than its teacher",
        "losses/_forms.py",
        (
            (
                "else temperature * _tail(teacher, temperature)",
                "else torch.full_like(teacher.values[..., 0], -torch.inf)",
            ),
        ),
        (FORMS,),
    ),
    Mutant(
        "the rest at another temperature",
        "a tail that was summed at temperature 1, used at temperature 4",
        "losses/_forms.py",
        (("(others / softened).logsumexp(-1, keepdim=True)", "others.logsumexp(-1, keepdim=True)"),),
        (FORMS,),
    ),
    Mutant(
        "a decision for the rest",
        "hard labels of a cache of top-k: the bucket of all others is the likeliest",
        "losses/hard_labels.py",
        (("    decides=True,\n", ""),),
        (FORMS,),
    ),
    Mutant(
        "all predictions have the same draws",
        "a generator that is seeded anew for each batch",
        "cache/codecs/sampled.py",
        (("_mixed(names[:, None] + counters)", "_mixed(names[:1, None] + counters)"),),
        (CODECS,),
    ),
    Mutant(
        "the last outputs are never drawn",
        "cumulated probabilities that are cut before their end: draws that are biased",
        "cache/codecs/sampled.py",
        (("self.seed)) * total", "self.seed)) * total * 0.9"),),
        (CODECS,),
    ),
    Mutant(
        "a teacher judged by what is left of its answers",
        "calibration and NLL of a distribution that was cut",
        "pipeline/training/teacher.py",
        (("taught = replace(own, codec", "own = taught = replace(own, codec"),),
        ("tests/pipeline/test_the_cache_of_a_run.py",),
    ),
    Mutant(
        "a byte for the largest logit and for the next",
        "a rounded cache that decides otherwise than its teacher",
        "cache/codecs/dense.py",
        ((".clamp(max=_TOP - 1)", ".clamp(max=_TOP)"),),
        (CODECS,),
    ),
    Mutant(
        "logits of another last layer",
        "hidden states of one checkpoint, multiplied by the output matrix of another",
        "cache/shared.py",
        (("if found != digest:", "if False:"),),
        (HIDDEN,),
    ),
    Mutant(
        "hidden states of a network that does more than its last layer",
        "a scale or a softcap behind the output matrix that the stored states know nothing of",
        "lastlayer.py",
        (("return bool(off.abs().max() <= _ROUNDING * unit * largest)", "return True"),),
        (HIDDEN,),
    ),
    Mutant(
        "rebuilt logits stand in the network's own order",
        "labels matched by name for the answers, and not for what they are rebuilt from",
        "models/label_order.py",
        (("inner.matrix[self.order]", "inner.matrix[self.order.sort()[0]]"),),
        (HIDDEN,),
    ),
    Mutant(
        "padding is stored as an answer",
        "token-level targets that count positions nobody wrote",
        "types.py",
        (("return found.to(values.device) != 0", "return torch.ones_like(found, dtype=torch.bool)"),),
        ("tests/trainer/test_predict.py",),
    ),
    Mutant(
        "a sealing takes in the shards of a labelling that goes on",
        "a rerun after a kill that ends in other files than a run that was never killed",
        "cache/store.py",
        (("any(ids is None or self._opened[_key(shard)].find(ids)[0].any() for shard in", "any(True for shard in"),),
        (MAPPING,),
    ),
    Mutant(
        "nobody looks at what others have claimed",
        "two labelling processes that ask everything twice",
        "cache/worklist.py",
        (("taken = among(self._ids[some], claimed)", "taken = np.zeros(len(some), np.bool_)"),),
        (WRITERS,),
    ),
    Mutant(
        "rows that another process has labelled meanwhile are asked again",
        "a list of work that is made once and never looked at again",
        "cache/worklist.py",
        (("if self._cache.news != self._known:", "if False:"),),
        (WRITERS,),
    ),
    Mutant(
        "shards are merged while another process labels",
        "a row that is written again by everybody who ends",
        "cache/store.py",
        (
            (
                "            if not others:\n                self._merge(ids)",
                "            if True:\n                self._merge(ids)",
            ),
        ),
        (WRITERS,),
    ),
    Mutant(
        "a reader that comes while shards are replaced is refused",
        "a manifest that is read before, and files that are opened after, a merge",
        "cache/store.py",
        (("if read_manifest(self.folder, self.identity) == manifest:", "if True:"),),
        (WRITERS,),
    ),
    Mutant(
        "two hold one lock: the file that one of them holds has no name any more",
        "lock files that are removed without a second look",
        "locks.py",
        (("                if _is_at(handle, path):  # else", "                if True:  # else"),),
        ("tests/leaves/test_locks.py",),
    ),
    Mutant(
        "students do not depend on how answers are stored",
        "a cache that was made smaller, and the old student reused",
        "pipeline/training/tuning.py",
        (("{**lesson.inputs, **self.answers.kept}", "lesson.inputs"),),
        ("tests/pipeline/test_the_cache_of_a_run.py::test_a_changed_codec_redoes_what_depends_on_it_and_says_so",),
    ),
    Mutant(
        "an example without tokens takes the unit of the next one",
        "as many units as rows, taken for one each",
        "evaluation/metric.py",
        (("if np.array_equal(units, np.arange(len(units))):", "if count == len(units):"),),
        ("tests/trainer/test_predict.py",),
    ),
    # --- the test split ---------------------------------------------------------------------------------------------
    Mutant(
        "checkpoint picked on the test split",
        "mdistiller keeps the checkpoint that is best on the test set",
        "pipeline/training/learn.py",
        (
            ("labels, metrics = splits.validation.labels,", "labels, metrics = splits.test.labels,"),
            (
                "task.decided_sheet(predict_logits(model, view.validation)",
                "task.decided_sheet(predict_logits(model, view.test)",
            ),
        ),
        (TEST_SPLIT,),
    ),
    Mutant(
        "grid tuned on the test split",
        "learning rate, temperature and weight chosen on the figure that is reported",
        "pipeline/training/tuning.py",
        (
            (
                "best = _best(histories, crossed)",
                "truth = work.material.splits.test.labels.values\n"
                "    right = [(t.logits(t.view.test).argmax(1) == truth).mean() for t in trained]\n"
                "    best = right.index(max(right))",
            ),
        ),
        (TEST_SPLIT,),
    ),
    Mutant(
        "precision chosen on the test split",
        "int8 is taken where it does the test well",
        "pipeline/judging/delivery.py",
        (("samples=material.samples", "samples=material.splits.test.values"),),
        (TEST_SPLIT,),
    ),
    Mutant(
        "int8's decisions compared on the test split",
        "int8 is taken where it does the test well",
        "pipeline/judging/delivery.py",
        (("unlabelled=material.unlabelled", "unlabelled=material.splits.test.values"),),
        (TEST_SPLIT,),
    ),
    Mutant(
        "int8 with dynamic ranges",
        "onnxruntime's quantize_dynamic: a text's answer depends on the texts beside it",
        "bundle/int8.py",
        (
            (
                "        quantize_static(\n",
                "        from onnxruntime.quantization import quantize_dynamic\n\n"
                "        quantize_dynamic(str(folded), str(products), weight_type=QuantType.QInt8)\n"
                "        lambda: quantize_static(\n",
            ),
        ),
        (BUNDLE,),
    ),
    Mutant(
        "weights of int8 products with 8 bits",
        "sums saturate on x86 without VNNI, where nobody looked",
        "bundle/int8.py",
        (("reduce_range=True", "reduce_range=False"),),
        (BUNDLE,),
    ),
    Mutant(
        "int8's decisions compared in batches only",
        "what a bundle answers to one text at a time was never compared",
        "bundle/precision.py",
        (("asked = [_in_batches(exported, rows, 1), ", "asked = ["),),
        (BUNDLE,),
    ),
    Mutant(
        "speed-up from wall time",
        "the published factor was 81, 206, 551 and 897 in four runs beside other programs",
        "evaluation/cost.py",
        (("cpu_ms=1000 * median(one.cpu)", "cpu_ms=1000 * median(one.wall)"),),
        ("tests/evaluation/test_cost.py",),
    ),
    Mutant(
        "training rows that are in the test split kept",
        "duplicates across splits: the student has seen the answers",
        "data/splits.py",
        (('train = sieve.without(train, parts["test"], "training", "test")', "pass"),),
        (SPLITS,),
    ),
    Mutant(
        "unlabelled rows that are in the test split kept",
        "the teacher's answers for the test texts are in the transfer set",
        "data/ordered.py",
        (('extra = sieve.without(extra, held_out[name], "unlabelled", name)', "pass"),),
        (SPLITS,),
    ),
    Mutant(
        "augmented rows that are in the test split kept",
        "copies of training texts that are texts of the test file: 11 of 80",
        "data/ordered.py",
        (('for name in ("validation", "test"):\n        made', 'for name in ("validation",):\n        made'),),
        (AUGMENTATION,),
    ),
    Mutant(
        "rows that look like a test row kept",
        "splits compared by exact text: upper case, a tag or a final newline is another example",
        "data/sieve.py",
        (("alike = among(self.looks(rows), self.looks(other))", "alike = among(rows.ids, other.ids)"),),
        (LIKENESS,),
    ),
    Mutant(
        "a dictionary of all rows beside the arrays",
        "21 GB for five million short texts",
        "data/sieve.py",
        (
            (
                "self._known.put(rows.ids[one], looks)",
                "self._known.put(rows.ids[one], looks)\n        self.every = dict(zip(one.tolist(), looks.tolist()))",
            ),
        ),
        (f"{MANY_ROWS}::test_splits_take_few_bytes_a_row",),
    ),
    Mutant(
        "the first row stands for an example, with or without a label",
        "a label that the data have is lost",
        "data/sieve.py",
        (("place = np.where(labels.present, np.arange(count), count)", "place = np.arange(count)"),),
        (f"{MANY_ROWS}::test_one_row_an_example_as_row_by_row",),
    ),
    Mutant(
        "two look-alikes held out, one a split",
        "duplicates drawn apart: validation has the test's texts",
        "data/drawing.py",
        (
            (
                "kept = np.flatnonzero(sieve.keeps(rows, parts[name], who, name))",
                "kept = np.arange(len(rows))",
            ),
        ),
        (LIKENESS,),
    ),
    Mutant(
        "every row of a rare class held out",
        "stratified splits that leave nothing to learn a class from",
        "data/drawing.py",
        (("for spared in range(left, -1, -1):", "for spared in (0,):"),),
        (f"{DRAWING}::test_a_row_of_each_class_is_left_to_learn_from",),
    ),
    Mutant(
        "labelled rows in proportion only at their end",
        "a label budget drawn from a stratified set that is itself no stratified one",
        "data/drawing.py",
        (
            (
                'return rows.take(np.argsort(places, kind="stable"))',
                'return rows.take(np.argsort(rows.labels.values, kind="stable"))',
            ),
        ),
        (DRAWING,),
    ),
    Mutant(
        "-1 is no label, whatever the others are",
        "scikit-learn's and transformers' habits: half of the labels -1 and 1 are lost",
        "tasks/classification/labels.py",
        (("if others == set(range(len(others))) and len(others) >= 3:", "if marks:"),),
        (LABELS,),
    ),
    Mutant(
        "unlabelled rows that look like one held out kept",
        "only labelled rows are split, so only they are compared",
        "data/splits.py",
        (('        bare = sieve.without(bare, held_out[name], "training", name)', "        pass"),),
        (LIKENESS,),
    ),
    Mutant(
        "unlabelled rows of a block that is held out kept",
        "half of a film in the transfer set, the other half in the test",
        "data/drawing.py",
        (("for name, part in parts.items() if block > 1 else ():", "for name, part in ():"),),
        (SPLITS,),
    ),
    # --- did it help? -----------------------------------------------------------------------------------------------
    Mutant(
        "seeds pooled as examples in the test",
        "three seeds of 2,000 rows are not 6,000 rows",
        "evaluation/significance.py",
        (
            (
                "differences, both = differences.sum(axis=0, keepdims=True), both.sum(axis=0, keepdims=True)",
                "differences, both = differences.reshape(1, -1, differences.shape[2]), both.sum(axis=0, keepdims=True)",
            ),
        ),
        (f"{SIGNIFICANCE}::test_seeds_are_never_pooled_as_examples",),
    ),
    Mutant(
        "only the first seed is tested",
        "the statistic is the mean over seeds; of macro F1 each seed has its own sums",
        "evaluation/significance.py",
        (("(both - sums) / 2)).mean(axis=-1)", "(both - sums) / 2))[..., 0]"),),
        (f"{SIGNIFICANCE}::test_of_macro_f1_the_swap_test_equals_enumeration",),
    ),
    Mutant(
        "draws as far as the arms at hand that are rounded below them",
        "sums of F1 in another order differ in their last bit: p is 0.76 where every draw is as far",
        "evaluation/significance.py",
        ((" - _ROUNDING * unit\n", "\n"),),
        (SIGNIFICANCE,),
    ),
    Mutant(
        "the classes of macro F1 are those that are decided",
        "two arms measured over different classes: a class that one never decides for drops out of its mean",
        "evaluation/classification.py",
        (('shown = np.unique(sheet["labels"])', 'shown = np.unique(sheet["decided"])'),),
        (METRICS,),
    ),
    Mutant(
        "the confusion matrix is of the first seed",
        "shown is one student and shipped another",
        "pipeline/judging/models.py",
        (("return self.sheets[self.shown]", "return next(iter(self.sheets.values()))"),),
        ("tests/pipeline/test_pipeline_evaluate.py::test_what_is_shown_of_one_seed_is_of_the_seed_that_ships",),
    ),
    Mutant(
        "seeds not resampled in the interval",
        "an interval about these trainings only",
        "evaluation/significance.py",
        (
            (
                "return rng.multinomial(draws,",
                "return np.full((resamples, seeds), 1 / seeds) + 0 * rng.multinomial(draws,",
            ),
        ),
        (f"{SIGNIFICANCE}::test_the_variance_between_seeds_is_unbiased",),
    ),
    Mutant(
        "the verdict does not look at the spread between seeds",
        "seeds that spread wider than the test split resolves: arms of equal accuracy are told apart in 8 to 20 %",
        "evaluation/significance.py",
        ((" and (gain.p_seeds is None or gain.p_seeds < LEVEL)", ""),),
        ("tests/evaluation/test_error_rates.py::test_arms_of_equal_true_accuracy_are_rarely_told_apart",),
    ),
    Mutant(
        "one variance for both arms",
        "Student's t-test, the default of scipy.stats.ttest_ind",
        "evaluation/significance.py",
        (("equal_var=False", "equal_var=True"),),
        (f"{SIGNIFICANCE}::test_the_gain_by_hand",),
    ),
    Mutant(
        "examples not resampled in the interval",
        "an interval about this test split only",
        "evaluation/significance.py",
        (
            (
                "drawn = rng.multinomial(examples, counts / examples, size=rows.stop - start)",
                "drawn = np.tile(counts, (rows.stop - start, 1))",
            ),
        ),
        (f"{SIGNIFICANCE}::test_the_interval_is_the_95_percent_one",),
    ),
    Mutant(
        "a p-value without the arms at hand among the draws",
        "count / draws: a p-value of exactly 0",
        "evaluation/significance.py",
        (("return (count + 1) / (swaps + 1)", "return count / swaps"),),
        (f"{SIGNIFICANCE}::test_no_p_value_is_below_one_in_the_draws_and_one",),
    ),
    # --- fitted on validation ---------------------------------------------------------------------------------------
    Mutant(
        "temperatures from 0.5 to 2 only",
        "a teacher whose logits are ten times too large stays over-confident",
        "evaluation/calibration.py",
        (("(np.log(0.05), np.log(20))", "(np.log(0.5), np.log(2))"),),
        (CALIBRATION,),
    ),
    Mutant(
        "two rounds of expectation-maximisation",
        "weights of an ensemble that are still near equal",
        "evaluation/calibration.py",
        (("range(1000)", "range(2)"),),
        (f"{CALIBRATION}::test_the_mixture_is_the_optimum_on_the_simplex",),
    ),
    Mutant(
        "an ensemble's weights fitted on the test split",
        "a choice made on the figure that is reported",
        "pipeline/training/judged.py",
        (
            ('[member.logits(splits, "validation") for', '[member.logits(splits, "test") for'),
            ("members], splits.validation.labels", "members], splits.test.labels"),
        ),
        (f"{TEACHERS}::test_an_ensemble",),
    ),
    # --- class weights ----------------------------------------------------------------------------------------------
    Mutant(
        "weighted labels divided by the weights of their own micro-batch",
        "torch.nn.CrossEntropyLoss(weight=...): the gradient depends on how a batch was split",
        "losses/term.py",
        (
            (
                "(values.ndim - 1))\n        return values",
                "(values.ndim - 1))\n            values = values / batch.weights.mean()\n        return values",
            ),
        ),
        (f"{WEIGHTS}::test_a_split_batch_has_the_gradient_of_the_whole",),
    ),
    Mutant(
        "the teacher's answers weighted by labels",
        "class weights on every term of the objective",
        "losses/term.py",
        (('if batch.weights is not None and "labels" in self.card.needs:', "if batch.weights is not None:"),),
        (f"{WEIGHTS}::test_it_is_torchs_weighted_cross_entropy_but_for_the_divisor",),
    ),
    Mutant(
        "a class balanced against all others together",
        "class_weight='balanced' in each of the one-against-the-rest regressions",
        "teachers/regression.py",
        (
            (
                "sample_weight=counts)",
                "sample_weight=np.where(own, 1 / own.mean(), 1 / (1 - own.mean())) / 2)",
            ),
        ),
        ("tests/teachers/test_nblr.py::test_a_row_counts_by_its_own_class_whichever_class_is_fitted",),
    ),
    Mutant(
        "the ceiling weighted by the source's labels",
        "counts of one domain for the rows of another",
        "pipeline/training/material.py",
        (("own: Examples = getattr(self.splits, rows)", "own: Examples = self.splits.labelled"),),
        ("tests/pipeline/test_the_ceiling.py::test_every_arm_hears_the_weights_of_its_own_rows",),
    ),
    Mutant(
        "weights change and the old network is taken",
        "a stage whose inputs do not name all that its result depends on",
        "pipeline/training/material.py",
        ((', "task": task.digest}', "}"), ('            "task": task.digest,\n', "")),
        ("tests/pipeline/test_the_ceiling.py::test_every_arm_hears_the_weights_of_its_own_rows",),
    ),
    # --- rows and batches -------------------------------------------------------------------------------------------
    Mutant(
        "class 0 taken for no label",
        "`if label`: a third of the labels is never learned",
        "data/batches.py",
        (("np.flatnonzero(examples.labels.present)", "np.flatnonzero(examples.labels.values > 0)"),),
        (BATCHES,),
    ),
    Mutant(
        "a text's last words never kept alone",
        "an upper end that the generator leaves out already",
        "modalities/text/augment.py",
        (("max(1, len(kept) - span + 1)", "max(1, len(kept) - span)"),),
        (AUGMENT,),
    ),
    Mutant(
        "all texts of one length lose the same words",
        "a generator seeded alike for every text",
        "modalities/text/augment.py",
        (("default_rng((settings.seed, key % 2**64))", "default_rng(settings.seed)"),),
        (AUGMENT,),
    ),
    Mutant(
        "-100 of a loader kept as a label",
        "the sentinel of one library read by the rules of another",
        "tasks/classification/numbers.py",
        (
            ("_MISSING = (-1, -100)", "_MISSING = (-1, -1)"),
            ("odd = (whole < 0) & ~none", "odd = (whole < -100) & ~none"),
        ),
        (WEIGHTS, LOADERS),
    ),
    Mutant(
        "the share of texts that are cut is that of other texts",
        "what a budget of fewer labels reads is counted over all rows",
        "runtime/rows.py",
        (("self.pad_id, self.cut[:count])", "self.pad_id, self.cut)"),),
        ("tests/data/test_data_views.py",),
    ),
    # --- stages and records -----------------------------------------------------------------------------------------
    Mutant(
        "another share of labelled rows, and the old student is taken",
        "a stage whose inputs do not name all that its result depends on",
        "pipeline/training/material.py",
        (('            "labelled_per_batch": share,\n', ""),),
        (f"{TEACHERS}::test_a_students_stage_depends_on_the_share_of_labelled_rows",),
    ),
    Mutant(
        "an ensemble's weights change, and the old student is taken",
        "the same, of a teacher's answers",
        "pipeline/training/teacher.py",
        (("digest([known, list(self.weights), ", "digest([known, "),),
        (f"{TEACHERS}::test_an_ensemble",),
    ),
    Mutant(
        "agreement with the teacher of the first seed alone",
        "one training stands for all",
        "pipeline/judging/models.py",
        (("for sheet in model.sheets.values()]", "for sheet in list(model.sheets.values())[:1]]"),),
        (f"{ARMS}::test_agreement_is_of_all_seeds_and_the_rows_shown_of_the_seed_that_ships",),
    ),
    Mutant(
        "the disagreements of the first seed, not of the one that ships",
        "examples of another network than the bundle's",
        "pipeline/judging/samples.py",
        (("self.models[model].sheet for", "next(iter(self.models[model].sheets.values())) for"),),
        (f"{ARMS}::test_agreement_is_of_all_seeds_and_the_rows_shown_of_the_seed_that_ships",),
    ),
    Mutant(
        "a curve shows the run's teacher at every number of labels",
        "the figure of another teacher than the student's",
        "pipeline/training/curves.py",
        (("arms, _quality(recipe, own))", "arms, _quality(recipe, answers))"),),
        (f"{CURVES}::test_it_is_in_the_evaluation",),
    ),
    Mutant(
        "a bundle is scored by the order of the labels that a file shows",
        "classes numbered anew, so that all behind a missing one are wrong",
        "score.py",
        (("served(student.labels,", "served(sorted(student.labels, reverse=True),"),),
        ("tests/evaluation/test_score.py",),
    ),
    # --- curves -----------------------------------------------------------------------------------------------------
    Mutant(
        "a curve's teacher of few labels has seen all of them",
        "label-efficiency curves whose teacher was trained on the full data set",
        "pipeline/training/curves.py",
        (("train_arm(arm, recipe, fewer, own, place,", "train_arm(arm, recipe, fewer, answers, place,"),),
        (f"{CURVES}::test_a_point_of_fewer_labels_is_a_run_of_so_many_labels",),
    ),
    Mutant(
        "a curve's baseline has all steps, its student few",
        "budgets that are not the same for both arms",
        "pipeline/training/arms.py",
        (("    if share < 1:", '    if share < 1 and name == "student":'),),
        (f"{CURVES}::test_a_point_of_fewer_steps_is_a_run_of_so_many_steps",),
    ),
    Mutant(
        "straight lines over the budget instead of its logarithm",
        "the ratio of labels is then read off a curve that nobody draws",
        "evaluation/budget.py",
        (
            (
                "math.exp(math.log(low) + part * (math.log(budget) - math.log(low)))",
                "low + part * (budget - low)",
            ),
        ),
        (BUDGET,),
    ),
    # --- runtime ----------------------------------------------------------------------------------------------------
    Mutant(
        "texts in other letters are cut by the rules for ASCII",
        "a fast path at deployment that gives other ids than training did",
        "runtime/readers/text.py",
        (("all(map(str.isascii, texts))", "texts"),),
        ("tests/runtime/test_runtime_words.py",),
    ),
    Mutant(
        "a bundle is not asked its probe",
        "weights that are no number, and outputs in another order, passed where the checksums were made anew",
        "runtime/bundle.py",
        (("if not error <= allowed:", "if error < 0:"),),
        ("tests/runtime/test_hostile_bundles.py",),
    ),
    Mutant(
        "what is around the network is not compared with what was exported",
        "labels that were exchanged passed where the checksum was made anew",
        "runtime/bundle.py",
        (('if expected["around"] != probe', 'if not expected["around"] and probe'),),
        ("tests/runtime/test_hostile_bundles.py",),
    ),
    Mutant(
        "a model reads any file that it names",
        "external data beside the model, or anywhere else, was read without a checksum",
        "runtime/description.py",
        (("    if elsewhere:", "    if elsewhere and not listed:"),),
        ("tests/runtime/test_hostile_bundles.py",),
    ),
    Mutant(
        "a link may leave the bundle",
        "a file of a bundle is read wherever it lies",
        "runtime/description.py",
        (("if not file.is_relative_to(folder.resolve()):", "if not file:"),),
        ("tests/runtime/test_hostile_bundles.py",),
    ),
    Mutant(
        "a process that was forked off takes down the session that was copied",
        "onnxruntime waits for threads that are not there, or ends with a broken memory",
        "runtime/network.py",
        (("        ctypes.pythonapi.Py_IncRef(ctypes.py_object(network.session))\n", ""),),
        ("tests/runtime/test_other_processes.py",),
    ),
    Mutant(
        "the first rule takes words before an apostrophe too",
        "a fast path at deployment that gives other ids than training did",
        "runtime/words.py",
        (("""[a-z_]\\w*+(?!')|""", """[a-z_]\\w*+|"""),),
        ("tests/runtime/test_runtime_words.py::test_ascii_texts_get_the_ids_of_the_library",),
    ),
    # --- what is reused, what is removed ----------------------------------------------------------------------------
    Mutant(
        "a checkpoint that was replaced under its name passes for the old one",
        "caches keyed by path or by configuration",
        "pipeline/training/start.py",
        (('{"network": ranks().share(weights_digest(network))}', '{"network": ""}'),),
        (f"{START}::test_a_checkpoint_is_replaced_under_its_name",),
    ),
    Mutant(
        "a number that code reads by name is none of its code",
        "a rate that only training reads is changed from outside, and the old student is reused",
        "code.py",
        (
            ("            yield from self._settings(function)\n", ""),
            ("                    yield from self._settings(inner)\n", ""),
        ),
        ("tests/leaves/test_code.py::test_values_that_code_reads_by_name_count_whoever_set_them",),
    ),
    Mutant(
        "a file that was edited after it was loaded passes for what is at work",
        "notebooks whose modules are not loaded anew",
        "code.py",
        (("                if source.edited:\n", "                if False:\n"),),
        ("tests/leaves/test_code.py::test_a_file_that_is_edited_before_it_is_read_is_said",),
    ),
    Mutant(
        "a teacher is named by its weights alone",
        "the answers of a teacher whose code has changed are reused",
        "pipeline/training/learn.py",
        (("return weights if self.code is None else", "return weights if self.code is not None else"),),
        (f"{START}::test_a_teachers_code_is_edited",),
    ),
    Mutant(
        "other labels of the same rows, and the old teacher is taken",
        "a stage whose inputs do not name all that its result depends on",
        "data/examples.py",
        (("arrays_digest(self.ids, labels.present, shown)", "arrays_digest(self.ids, labels.present)"),),
        (KINDS,),
    ),
    Mutant(
        "a finished teacher is named by what it reads",
        "the record of another module, and what depends on it is reused",
        "pipeline/training/work.py",
        (('{"view": view.digest, **start}', '{"view": view.digest}'),),
        (KINDS,),
    ),
    Mutant(
        "what a folder holds is made again",
        "a teacher that is trained anew in every process and every run",
        "pipeline/stages/stage.py",
        (("done = stage.done and (whole is None or whole())", "done = False"),),
        (KINDS,),
    ),
    Mutant(
        "an input that may differ a little is compared in every bit",
        "another number of threads trains everything anew",
        "pipeline/stages/stage.py",
        (("return old if np.isclose(", "return old if False and np.isclose("),),
        (f"{START}::test_numbers_of_a_stage_may_differ_in_their_last_bits",),
    ),
    Mutant(
        "a column of small numbers is compared with one of large ones",
        "another encoder's answers are taken for those on record",
        "pipeline/stages/stage.py",
        (("np.maximum(_TOLERANCE * sizes, ", "np.maximum(_TOLERANCE * sizes.max(initial=0.0), "),),
        (f"{START}::test_numbers_of_a_stage_may_differ_in_their_last_bits",),
    ),
    Mutant(
        "a cache's manifest may name any file",
        "what it says was replaced is removed, wherever it lies",
        "cache/identity.py",
        (("    replaced: list[_File]", "    replaced: list[str]"),),
        (f"{STORE}::test_a_manifest_names_shards_of_its_own_folder_and_nothing_else",),
    ),
    Mutant(
        "whatever lies in a stage's folder is removed",
        "`--out` that costs somebody a file",
        "files.py",
        (("ours = [file for file in _files(path) if record.holds(file)]", "ours = _files(path)"),),
        ("tests/leaves/test_written.py::test_only_what_is_on_record_is_removed",),
    ),
    Mutant(
        "a lock counts while its number is that of any process",
        "a run that was killed blocks its folder when the number is used again",
        "pipeline/stages/claim.py",
        (("alive(self.pid, self.started)", "alive(self.pid)"),),
        ("tests/pipeline/test_pipeline_claim.py::test_who_holds_a_lock",),
    ),
    Mutant(
        "blue is read first",
        "a student that was trained on red first is served blue first",
        "runtime/pictures.py",
        (
            (
                "return _on_white(_with_channels(pixels if wanted else _upper_bits(pixels, where)))",
                "return _on_white(_with_channels(pixels if wanted else _upper_bits(pixels, where)))[..., ::-1]",
            ),
        ),
        (f"{PICTURES}::test_red_comes_first",),
    ),
    Mutant(
        "the orientation tag is passed over",
        "photographs of phones are trained lying on their side, and their copies pass the leak check",
        "runtime/pictures.py",
        (("return image.getexif().get(0x0112)", "return 1"),),
        (f"{PICTURES}::test_every_orientation_is_turned_upright",),
    ),
    Mutant(
        "what is transparent is black",
        "a drawing in black on nothing becomes a black square",
        "runtime/pictures.py",
        (("colour * alpha + 255 * (255 - alpha)", "colour * alpha"),),
        (f"{PICTURES}::test_transparency_is_laid_on_white",),
    ),
    Mutant(
        "the size of a picture is not looked at",
        "a file of a few bytes takes all memory",
        "runtime/pictures.py",
        (("if width * height > MAX_PIXELS:", "if False:"),),
        (f"{PICTURES}::test_a_huge_picture_is_refused_by_its_header",),
    ),
    Mutant(
        "a crop begins at the edge",
        "of every photograph the left is served, where the middle was trained",
        "runtime/readers/image.py",
        (("left, top = (wide - width / scale) / 2, (tall - height / scale) / 2", "left, top = 0.0, 0.0"),),
        (f"{IMAGE_READER}::test_a_crop_cuts_alike_on_both_sides",),
    ),
    Mutant(
        "the decoder's version is in no digest",
        "answers to other pixels are taken from the cache",
        "runtime/readers/image.py",
        (("self.save(Path()), decoder()]", "self.save(Path())]"),),
        (f"{IMAGE_READER}::test_the_digest_names_all_that_decides",),
    ),
    Mutant(
        "a shifted crop",
        "copies lean to one side",
        "modalities/image/augment.py",
        (("np.floor(draw * (2 * most + 1))", "np.floor(draw * (2 * most + 1) + 0.5)"),),
        (f"{IMAGE_COPIES}::test_a_crop_moves_by_whole_pixels_to_every_side_alike",),
    ),
    Mutant(
        "a teacher weighs classes without those that are its alone",
        "a class that it knows counts as if nobody knew it",
        "pipeline/training/material.py",
        (('(own + self.splits.omitted if part == "teachers" else own)', "own"),),
        ("tests/data/test_data_omitted.py::test_the_teachers_classes_weigh_as_if_nothing_were_omitted",),
    ),
    Mutant(
        "the means of bands stay",
        "an option that changes nothing",
        "models/audio_cnn.py",
        (('by_band=self.settings.subtract == "band_means"', "by_band=False"),),
        ("tests/models/test_audio_cnn.py::test_a_network_subtracts_what_it_is_told_to",),
    ),
    Mutant(
        "files of a list looked for below the list",
        "a folder that is named by a relative path cannot be read",
        "data/lists.py",
        (("            str(folder),\n", "            str(lists.get(split, folder)),\n"),),
        ("tests/data/test_data_folders.py::test_a_folder_with_lists_may_be_named_from_where_one_stands",),
    ),
    Mutant(
        "a prior that counts the test's labels",
        "a correction that knows what nobody may know",
        "data/splits.py",
        (("learned.learning_from((labelled + omitted).labels)", "learned"),),
        ("tests/data/test_data_omitted.py::test_the_prior_counts_no_label_that_is_held_out_or_hidden",),
    ),
    Mutant(
        "a zoom turned round",
        "what should be larger is smaller",
        "modalities/image/augment.py",
        (("value(angle) / factors", "value(angle) * factors"),),
        (f"{IMAGE_COPIES}::test_a_turn_is_bilinear",),
    ),
    Mutant(
        "a copy depends on the place in its batch",
        "teacher and student see different copies",
        "modalities/image/augment.py",
        (("draws = uniform(keys, copies,", "draws = uniform(keys + np.arange(len(keys)), copies,"),),
        (f"{IMAGE_COPIES}::test_one_by_one_is_all_together",),
    ),
    Mutant(
        "brightness wraps round",
        "the brightest pixels of a copy become black",
        "modalities/image/augment.py",
        (
            (
                "np.minimum(np.rint(lit, out=lit), 255, out=lit)",
                "np.rint(lit).astype(np.int64)",
            ),
        ),
        (f"{IMAGE_COPIES}::test_brightness_stays_in_its_range",),
    ),
    Mutant(
        "pictures look alike by their files",
        "a test image saved in another format is trained on",
        "modalities/image/__init__.py",
        (("return looks_of(value).likeness", "return value.identity()"),),
        (f"{IMAGE_DATA}::test_likeness_is_that_of_the_pixels",),
    ),
    Mutant(
        "likeness without the shape",
        "a picture and the same bytes on their side are one",
        "runtime/pictures.py",
        (('state.update(f"{content.shape} ".encode())', "pass"),),
        (f"{IMAGE_DATA}::test_likeness_is_that_of_the_pixels",),
    ),
    Mutant(
        "a scaler fitted on test rows",
        "scales and categories tell what nobody may know yet",
        "pipeline/training/material.py",
        (
            (
                "reads.fit(self.splits.original.values or self.splits.validation.values)",
                "reads.fit([*self.splits.original.values, *self.splits.test.values])",
            ),
        ),
        (f"{TABLE_ROWS}::test_scales_and_categories_are_those_of_the_training_rows_alone",),
    ),
    Mutant(
        "a hole is zero before scaling",
        "a missing age is an age of 0",
        "runtime/readers/table.py",
        (("math.nan if cell is None else cell", "0.0 if cell is None else cell"),),
        (f"{TABLE_READER}::test_numbers_have_mean_0_and_deviation_1_and_holes_are_the_mean_with_a_mark",),
    ),
    Mutant(
        "a category never seen is the first one",
        "LabelEncoder in a dictionary with a default",
        "runtime/readers/table.py",
        (("None if cell is None else named(cell), 0)", "None if cell is None else named(cell), 1)"),),
        (f"{TABLE_READER}::test_what_was_never_seen_is_0_and_a_hole_without_a_place_too",),
    ),
    Mutant(
        "numbers are named as they are written",
        "1 in a csv file and 1.0 in a frame stand on two sides of a split",
        "modalities/table/__init__.py",
        (("found.append(plain(cell))", "found.append(cell)"),),
        (f"{TABLE_ROWS}::test_numbers_are_named_by_their_value_and_missing_is_missing",),
    ),
    Mutant(
        "the distilled floor learns copies",
        "copies that the student's arm alone has are counted for the floor",
        "pipeline/judging/floor.py",
        (
            (
                "splits.task.fit(splits.labelled.labels), splits.original",
                "splits.task.fit(splits.labelled.labels), splits.transfer",
            ),
        ),
        (f"{FLOOR}::test_the_distilled_floor_learns_unlabelled_rows_and_no_copies",),
    ),
    Mutant(
        "a threshold rounds up",
        "a number on the threshold of a tree goes the other way than in training",
        "teachers/trees.py",
        (
            (
                "return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)",
                "return np.nextafter(near, np.float32(np.inf))",
            ),
        ),
        (f"{BOOSTING}::test_a_number_on_a_threshold_goes_left_as_it_went",),
    ),
    # --- tasks ------------------------------------------------------------------------------------------------------
    Mutant(
        "labels are standardised and predictions are not",
        "a loss whose weight means something else in metres than in millimetres",
        "distiller.py",
        (("            own = replace(own, logits=seen)\n", ""),),
        (f"{REGRESSION}::test_losses_compare_in_standard_deviations",),
    ),
    Mutant(
        "a student learns standardised values and its teacher's answers are in units",
        "regression distillation in every script that scales its labels by hand",
        "distiller.py",
        (("answers = replace(answers, logits=self._seen(answers.dense))", "pass"),),
        (f"{REGRESSION}::test_losses_compare_in_standard_deviations",),
    ),
    Mutant(
        "the ONNX file of a regression forgets the mean",
        "a scaler that is left behind in the training script",
        "tasks/regression/units.py",
        (("**inputs) * self.scale + self.mean", "**inputs) * self.scale"),),
        (f"{REGRESSION}::test_the_onnx_file_gives_the_labels_units",),
    ),
    Mutant(
        "thresholds are fitted on the test split",
        "F1 that a user never sees again",
        "pipeline/judging/models.py",
        (("task.decide(said.validation, splits.validation.labels)", "task.decide(said.test, splits.test.labels)"),),
        (f"{TASKS_RUN}::test_thresholds_are_fitted_for_every_model_on_validation",),
    ),
    Mutant(
        "a bundle decides at 0.5 whatever was fitted",
        "a student that is judged with thresholds and served without",
        "pipeline/judging/delivery.py",
        (("    if task.fits_decision:\n", "    if False:\n"),),
        (f"{TASKS_RUN}::test_the_bundle_answers_as_it_was_judged[multilabel]",),
    ),
    Mutant(
        "columns of labels are taken in the order in which they are named",
        "digits scored as speakers",
        "score.py",
        (("    return own\n", "    return label\n"),),
        ("tests/evaluation/test_score.py::test_columns_stand_in_the_order_of_the_bundle",),
    ),
    Mutant(
        "padding classes have a probability at high temperatures",
        "-1e4 for a class that a column does not have",
        "runtime/decisions.py",
        (("ABSENT = -1e30", "ABSENT = -1e4"),),
        (f"{MULTIOUTPUT}::test_a_loss_is_the_sum_of_its_columns",),
    ),
    Mutant(
        "padding of columns that makes a loss infinite",
        "-inf minus -inf in a regression on logits",
        "runtime/decisions.py",
        (("ABSENT = -1e30", 'ABSENT = -float("inf")'),),
        (f"{MULTIOUTPUT}::test_a_loss_is_the_sum_of_its_columns",),
    ),
    Mutant(
        "the luck of few rows makes a threshold",
        "a class of three validation rows, decided for from 0.03 on",
        "evaluation/sets.py",
        ((">= FEWEST\n", ">= 1\n"),),
        ("tests/evaluation/test_sets.py::test_the_threshold_of_a_few_rows_is_not_fitted",),
    ),
    Mutant(
        "differences of small values are rounded away",
        "a gain in seconds that is none in days",
        "evaluation/significance.py",
        (('return 1.0 if metric.quantity != "value" else', "return 1.0 if metric.quantity else"),),
        ("tests/evaluation/test_values.py::test_the_verdict_does_not_depend_on_the_unit",),
    ),
    Mutant(
        "a mean over outputs in the place of the likelihood of the set",
        "torch's reduction, with which a weight depends on how many classes there are",
        "losses/binary_cross_entropy.py",
        (("softplus((1 - 2 * y) * z_S).sum(dim=-1)", "softplus((1 - 2 * y) * z_S).mean(dim=-1)"),),
        (CONTRACT,),
    ),
    Mutant(
        "binary_kd without T^2",
        "gradients that vanish with the temperature",
        "losses/binary_kd.py",
        (("temperature**2 * softened_kl", "softened_kl"),),
        (CONTRACT,),
    ),
    Mutant(
        "the margin of the teacher's bound has the wrong sign",
        "a student that is left alone before it is as good as its teacher",
        "losses/teacher_bounded.py",
        (("own.detach() - bound > -margin", "own.detach() - bound > margin"),),
        (CONTRACT,),
    ),
    Mutant(
        "labels compared in their own dtype",
        "256 classes are 0 in uint8, and every label is out of range",
        "losses/_checks.py",
        (("wide = labels.long()", "wide = labels"),),
        (BROKEN,),
    ),
    Mutant(
        "a second derivative without this loss",
        "autograd takes a gradient that was computed beside the value for a constant: zeros, in silence",
        "losses/_once.py",
        (("return gradient if plain else _Once.apply(gradient, values)", "return gradient"),),
        (BROKEN,),
    ),
    Mutant(
        "the sum of no probability has a gradient",
        "0 / 0 where both rule out all classes but the label",
        "losses/_target.py",
        (("others = torch.where(gone, 0, others)", "others = others"),),
        (BROKEN,),
    ),
    Mutant(
        "squares of small probabilities",
        "classes below 1e-23 are level in float32",
        "losses/dist_intra.py",
        (("    if len(p):", "    if False:"),),
        (BROKEN,),
    ),
    Mutant(
        "a student as good as its teacher is still pulled",
        "the bound counts as not reached",
        "losses/teacher_bounded.py",
        (("bound > -margin", "bound >= -margin"),),
        (BROKEN,),
    ),
    Mutant(
        "a teacher's activation that is pulled",
        "an undetached teacher: it moves towards the student",
        "losses/fitnet.py",
        (("counted_logits(teacher.detach(), mask)", "counted_logits(teacher, mask)"),),
        (CONTRACT,),
    ),
    Mutant(
        "a mean over the width in the place of half a sum",
        "torch's MSELoss, with which a weight depends on how wide a layer is",
        "losses/fitnet.py",
        ((".square().sum(dim=-1) / 2", ".square().mean(dim=-1)"),),
        (CONTRACT,),
    ),
    Mutant(
        "huber by its mean over the values",
        "torch's reduction, with which a weight depends on how many values there are",
        "losses/huber.py",
        (("delta=delta).sum(dim=-1)", "delta=delta).mean(dim=-1)"),),
        (CONTRACT,),
    ),
    Mutant(
        "a distance with a bound that forgets it",
        "half the squared distance, whatever delta says",
        "losses/regression_kd.py",
        (("    if delta is None:", "    if True:"),),
        (CONTRACT,),
    ),
    Mutant(
        "a softmax over the wrong axis",
        "dim=0, which of one prediction alone is right",
        "losses/cross_entropy.py",
        (("log_softmax(counted_logits(student, mask), dim=-1)", "log_softmax(counted_logits(student, mask), dim=0)"),),
        (CONTRACT,),
    ),
    Mutant(
        "a squared error that is not halved",
        "torch's MSELoss beside a kd of values that is: the weights of both mean different things",
        "losses/squared_error.py",
        ((".square().sum(dim=-1) / 2", ".square().sum(dim=-1)"),),
        (CONTRACT,),
    ),
    Mutant(
        "a sound keeps its rate",
        "a sound at 16 kHz is read at half its pitch and twice its length",
        "runtime/readers/audio.py",
        (("return resampled(samples, self.rate if rate is None else rate, self.rate)", "return samples"),),
        (f"{AUDIO_READER}::test_sounds_of_two_rates_are_brought_to_one",),
    ),
    Mutant(
        "nobody hears the end of a long sound",
        "what is said after the last whole hop has no answer",
        "runtime/readers/audio.py",
        (("if start < last), last]", "if start <= last)]"),),
        ("tests/runtime/test_windows.py::test_pieces_are_answered_as_the_files_that_they_would_be",),
    ),
    Mutant(
        "rows without a label are of the class of all others",
        "rows of unknown class are learned as `unknown`",
        "data/asked.py",
        (
            (
                "labels=[names[row] if has_class[row] else None for row in rows]",
                "labels=[names[row] for row in rows]",
            ),
        ),
        ("tests/data/test_data_asked.py::test_all_other_classes_are_one",),
    ),
    Mutant(
        "a label that nobody asked for is the bundle's first class",
        "a folder of keywords scored as if all its other words were one of them",
        "score.py",
        (("labels = [other if name in unknown", "labels = [task.names[0] if name in unknown"),),
        ("tests/evaluation/test_score.py::test_classes_that_nobody_asked_for_are_the_other_class",),
    ),
    Mutant(
        "a data frame is a list of its columns' names",
        "as many answers as columns, without a word",
        "runtime/readers/text.py",
        (('    require_no_frame(texts, "a list of texts is needed")\n', ""),),
        ("tests/runtime/test_runtime_bundle.py::test_columns_of_arrow_are_read_and_a_frame_is_no_list",),
    ),
    Mutant(
        "a crop of a sound one sample late",
        "what is served is not what was trained",
        "runtime/readers/audio.py",
        (('"centre": lambda spare: spare // 2', '"centre": lambda spare: spare // 2 + 1'),),
        (f"{AUDIO_READER}::test_shorter_sounds_are_filled_and_longer_ones_cut",),
    ),
    Mutant(
        "the libraries that decode sounds are in no digest",
        "answers to other samples are taken from the cache",
        "runtime/readers/audio.py",
        (("self.save(Path()), versions()]", "self.save(Path())]"),),
        (f"{AUDIO_READER}::test_the_digest_names_all_that_decides",),
    ),
    Mutant(
        "a wav file that is cut off is read",
        "libsndfile decodes what is there and says nothing",
        "runtime/sounds.py",
        (("if not _whole(data):", "if False:"),),
        (f"{SOUNDS}::test_bad_sounds_are_refused_in_one_line_that_names_the_row",),
    ),
    Mutant(
        "a relative path begins where the command was started",
        "a table is read from its own folder only, or other files of the same name are taken",
        "runtime/sounds.py",
        (("Sound(path if folder is None else folder / path, None, where)", "Sound(path, None, where)"),),
        (f"{SOUNDS}::test_a_path_begins_in_its_own_folder",),
    ),
    Mutant(
        "the left channel alone",
        "a recording with its speaker on the right is silence",
        "runtime/sounds.py",
        (("samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)", "samples[:, 0]"),),
        (f"{SOUNDS}::test_channels_are_averaged_whichever_axis_they_are",),
    ),
    Mutant(
        "samples behind the end of a sound are heard",
        "an answer depends on the longest sound of its batch",
        "models/logmel.py",
        (("samples * inside.to(samples.dtype)", "samples"),),
        (f"{AUDIO_CNN}::test_padding_and_what_stands_in_it_change_nothing",),
    ),
    Mutant(
        "frames behind the end of a sound are pooled",
        "what the biases make of silence counts as found",
        "models/audio_cnn.py",
        (("found = torch.relu(convolution(found)) * real", "found = torch.relu(convolution(found))"),),
        (f"{AUDIO_CNN}::test_padding_and_what_stands_in_it_change_nothing",),
    ),
    Mutant(
        "the level of a sound is that of its row",
        "a short sound is louder than a long one, and an answer depends on how far rows are filled",
        "models/audio_cnn.py",
        (("keepdim=True) / lengths.unsqueeze(1)", "keepdim=True) / samples.shape[1]"),),
        (f"{AUDIO_CNN}::test_padding_and_what_stands_in_it_change_nothing",),
    ),
    Mutant(
        "likeness with the silence around a sound",
        "a test sound with other pauses is trained on",
        "modalities/audio/clips.py",
        (("samples[heard[0] : heard[-1] + 1]", "samples"),),
        (f"{AUDIO}::test_sounds_alike_share_their_likeness_and_not_their_identity",),
    ),
    Mutant(
        "likeness without the rate",
        "a sound and the same samples played twice as fast count as one",
        "modalities/audio/clips.py",
        (('_digest(f"{rate} ".encode() + kept.tobytes())', "_digest(kept.tobytes())"),),
        (f"{AUDIO}::test_other_sounds_are_not_alike",),
    ),
    Mutant(
        "one noise for all sounds",
        "the noise is learnt by heart",
        "modalities/audio/augment.py",
        (("start = (place[:, 0] * _NOISE).astype(np.int64)", "start = np.zeros(len(samples), np.int64)"),),
        (f"{AUDIO_COPIES}::test_noise_lies_so_many_decibels_below_the_sound",),
    ),
    Mutant(
        "a copy of a sound depends on the place in its batch",
        "teacher and student hear different copies",
        "modalities/audio/augment.py",
        (("drawn = uniform(keys, copies,", "drawn = uniform(keys + np.arange(len(keys)), copies,"),),
        (f"{AUDIO_COPIES}::test_a_row_is_the_same_alone_in_company_and_in_any_order",),
    ),
    Mutant(
        "copies of another seed have the same ids",
        "the teacher's answers to other copies are taken from the cache",
        "data/copies.py",
        (('exclude={"copies", "only_teacher"}', 'exclude={"copies", "only_teacher", "seed"}'),),
        (f"{DRAWN_COPIES}::test_another_seed_or_version_draws_other_copies",),
    ),
    Mutant(
        "a student meets classes that are omitted, in rows whose label is hidden",
        "the transfer set has what it should lack",
        "data/splits.py",
        (
            (
                "    others, gone = omit(having.take(range(len(shown), len(having))), task, settings)",
                "    others = having.take(range(len(shown), len(having)))\n    gone = omit(others, task, settings)[1]",
            ),
        ),
        (f"{OMITTED}::test_the_transfer_set_has_no_such_row_and_the_teacher_has",),
    ),
    Mutant(
        "a teacher learns pictures beside the labels of others",
        "labelled rows first here, omitted ones first there",
        "pipeline/training/views.py",
        (
            (
                'else self._once("teachers")',
                'else self._once("teachers").take(np.arange(len(self._splits.teachers))[::-1])',
            ),
        ),
        (f"{OMITTED}::test_the_teacher_sees_copies_of_them_and_of_the_rest",),
    ),
    Mutant(
        "offsets count where a student is judged and not where it is served",
        "the bundle answers otherwise than the report says",
        "runtime/decisions.py",
        (("        lambda logits, names: _predictions(moved(logits), names),", "        _predictions,"),),
        (f"{PRIOR}::test_the_bundle_answers_as_the_student_was_judged",),
    ),
    Mutant(
        "a class's bias is moved the wrong way",
        "a class that was answered too rarely is answered never",
        "evaluation/calibration.py",
        (
            ("axis=1).mean(axis=0) - wanted", "axis=1).mean(axis=0) - wanted[::-1]"),
            ("- wanted @ offsets)", "- wanted[::-1] @ offsets)"),
        ),
        (f"{PRIOR}::test_a_bias_that_was_lowered_is_found_again",),
    ),
    Mutant(
        "a label set is clear by its distance from a half",
        "an export may change an answer that lies on its threshold",
        "runtime/decisions.py",
        (("np.abs(logits - limits) > MARGIN", "np.abs(logits) > MARGIN"),),
        (f"{MULTILABEL}::test_a_clear_set_is_far_from_its_thresholds_and_not_from_a_half",),
    ),
    Mutant(
        "answers are the same where one of their values is",
        "a second column may be anything after an export",
        "runtime/decisions.py",
        (("~np.all(np.abs(one - other) <= NEAR", "~np.any(np.abs(one - other) <= NEAR"),),
        (f"{REGRESSION}::test_answers_differ_where_one_of_their_values_does",),
    ),
    Mutant(
        "an error is relative to the largest value of all columns",
        "of years beside shares, no error of a share is seen",
        "runtime/decisions.py",
        (("size = np.maximum(np.abs(one).max(axis=0), spread)", "size = np.abs(one).max()"),),
        (f"{REGRESSION}::test_an_error_is_relative_to_its_own_column",),
    ),
    Mutant(
        "what is solved for keeps its offset",
        "a solved network's answers are off by the mean",
        "tasks/regression/__init__.py",
        (("((labels.values - mean) / scale).T", "(labels.values / scale).T"),),
        (f"{REGRESSION}::test_columns_are_solved_in_standard_deviations_from_the_mean",),
    ),
    Mutant(
        "squares lie on the diagonal",
        "the other corners of images are never covered",
        "modalities/image/augment.py",
        (("draws[:, 5], draws[:, 6]", "draws[:, 5], draws[:, 5]"),),
        (f"{IMAGE_COPIES}::test_a_square_lies_as_far_down_as_it_likes_wherever_it_lies_across",),
    ),
    Mutant(
        "a poor filter brings sounds to another rate",
        "what is high in a voice is lost",
        "runtime/sounds.py",
        (('quality="HQ"', 'quality="LQ"'),),
        (f"{SOUNDS}::test_another_rate_keeps_what_is_near_its_limit",),
    ),
    Mutant(
        "changes of a sound cancel each other",
        "the floor hears where a sound ends, and no change",
        "modalities/audio/features.py",
        (("np.abs(change).mean(axis=0)", "change.mean(axis=0)"),),
        (f"{AUDIO}::test_changes_count_in_both_directions",),
    ),
    Mutant(
        "logits between 0 and 1 are probabilities",
        "the logarithm of logits is taken",
        "teachers/answers.py",
        (("- 1) <= SUM", "- 1) <= 1"),),
        (f"{ONNX_TEACHER}::test_small_numbers_are_probabilities_where_they_add_up_to_1",),
    ),
    Mutant(
        "a category never seen goes to the right",
        "trees answer as scikit-learn's do on training rows only",
        "teachers/trees.py",
        (('bool(node["missing_go_to_left"])', "False"),),
        (f"{BOOSTING}::test_a_category_never_seen_goes_where_most_rows_go",),
    ),
    Mutant(
        "a separator is read as YAML",
        "task.separator='|' was an empty text, as the shell takes the quotes away",
        "settings/yaml.py",
        (("if _MARKS.fullmatch(text) or text.startswith(_NO_VALUE):", "if text == '*':"),),
        ("tests/recipe/test_recipe_typed.py",),
    ),
    Mutant(
        "readings of another test set count as the run's own",
        "a run in the folder of another one was said to have read its test split twice",
        "evaluation/schema.py",
        (("if use.rows is None or use.rows == uses[-1].rows]", "if uses[-1].rows]"),),
        ("tests/pipeline/test_another_run_in_the_folder.py",),
    ),
    Mutant(
        "evaluate looks for a column text, whatever the training's was called",
        "the line that a run advises fails as typed",
        "score.py",
        (
            (
                "for each in (*own, modality.asked(student.reader)) if each]",
                "for each in [modality.asked(student.reader)]]",
            ),
        ),
        ("tests/evaluation/test_score.py",),
    ),
    Mutant(
        "a row that cannot be read has its place among the rows that are scored",
        "rows without a label are left out before",
        "score.py",
        (
            (
                'f"{place}, row {row + 1}", rows.values[row]) for row in kept',
                'f"{place}, row {number + 1}", rows.values[row]) for number, row in enumerate(kept)',
            ),
        ),
        ("tests/evaluation/test_score.py",),
    ),
    Mutant(
        "a network that has its rate set is told to set it",
        "both were named, or neither",
        "pipeline/training/reading.py",
        (("for name, value in own.items() if value == error.given]", "for name, value in own.items()]"),),
        ("tests/bad_input/test_bad_input.py",),
    ),
    Mutant(
        "a sound is heard with the silence that fills its row",
        "finished teachers: it answers otherwise to a padded sound",
        "models/finished.py",
        (("self._heard(row[:length])", "self._heard(row)"),),
        (FOLDERS,),
    ),
    Mutant(
        "sounds of several lengths come back in another order",
        "finished teachers: answers of other sounds",
        "models/finished.py",
        (("torch.tensor(order, device=logits.device).argsort()", "torch.tensor(order, device=logits.device)"),),
        (FOLDERS,),
    ),
    Mutant(
        "finished teachers: rescaling is left out of mean and std",
        "another normalisation than the folder's",
        "modalities/image/pretrained.py",
        (("tuple(value / scale for value in mean)", "tuple(value / 1 for value in mean)"),),
        (PROCESSORS,),
    ),
    Mutant(
        "finished teachers: the middle is cut out of the larger side's scale",
        "another crop than the folder's",
        "runtime/readers/image.py",
        (("top, left = (inner[0] - height) // 2", "top, left = (inner[0] - height + 1) // 2"),),
        (PROCESSORS,),
    ),
    Mutant(
        "finished teachers: a recipe overrules the folder's size in silence",
        "read at another size than it was trained with",
        "modalities/pretrained.py",
        (("_plain(value) != _plain(wanted)", "False"),),
        (PROCESSORS,),
    ),
    Mutant(
        "finished teachers: a key that nobody knows is passed over",
        "pixels that are nearly those of the processor",
        "modalities/image/pretrained.py",
        (("each not in known and value not in (None, False)", "False"),),
        (PROCESSORS,),
    ),
    Mutant(
        "an earlier run's teacher loses its temperature",
        "another teacher than the one that was judged there",
        "teachers/run.py",
        (("return self.network(**inputs) / self.temperature", "return self.network(**inputs)"),),
        (EARLIER,),
    ),
    Mutant(
        "an earlier run's weights are not looked at",
        "a changed weight goes unnoticed",
        "teachers/handed_on.py",
        ((" or file_digest(file) != weights.digest", ""),),
        (EARLIER,),
    ),
    Mutant(
        "an earlier run's other seed is the one that shipped",
        "the key changes nothing",
        "teachers/handed_on.py",
        (("chosen = found.shipped if seed is None else seed", "chosen = found.shipped"),),
        (EARLIER,),
    ),
    Mutant(
        "a bundle's outputs are taken in the order of the data",
        "earlier runs: classes are matched by name",
        "teachers/bundle.py",
        (('list(self.labels or info["labels"])', 'info["labels"]'),),
        (EARLIER,),
    ),
    Mutant(
        "an answer of a server is lost with the process",
        "answers are kept in memory, and written at the end",
        "teachers/served/asked.py",
        (("Journal(folder, interview.named", "Journal(None, interview.named"),),
        (f"{SERVED}::test_a_killed_process_repeats_at_most_what_was_on_its_way",),
    ),
    Mutant(
        "a budget is exceeded by what is on its way",
        "only what has come back is counted",
        "teachers/served/journal.py",
        (("            self.spent += Spending(1, *line.sent)", "            self.spent += Spending(1, 0, 0)"),),
        (f"{SERVED}::test_a_budget_is_never_exceeded_and_the_same_line_goes_on",),
    ),
    Mutant(
        "a server's error repeats the key",
        "its own words are trusted",
        "teachers/served/server.py",
        (('text.replace(self._key, "***") if self._key else text', "text"),),
        (f"{SERVED}::test_a_refusal_stops_at_once_and_the_key_is_nowhere",),
    ),
    Mutant(
        "a label that nobody voted for is impossible",
        "shares are taken as they are",
        "teachers/served/scores.py",
        (("(votes + 1 / len(votes)) / (votes.sum() + 1)", "np.maximum(votes / max(votes.sum(), 1), 1e-30)"),),
        ("tests/teachers/test_served_prompt.py",),
    ),
    Mutant(
        "codes are renormalised however little they hold",
        "what the model means to say instead is not looked at",
        "teachers/served/scores.py",
        (("    if mass < HELD:", "    if mass <= 0:"),),
        ("tests/teachers/test_served_prompt.py",),
    ),
    Mutant(
        "one request waits as a server asks, and the others go on",
        "the wait is the request's own",
        "teachers/served/server.py",
        (("        self._held = max(self._held, self._now() + seconds)", "        return None"),),
        (f"{SERVED}::test_requests_keep_their_distance_and_all_wait_when_the_server_asks",),
    ),
    Mutant(
        "a check asks a server for hundreds of answers",
        "it is judged as any finished teacher",
        "pipeline/check.py",
        (("    if kept is None and metered:\n", "    if False:\n"),),
        ("tests/pipeline/test_endpoint_run.py::test_a_check_asks_once_and_says_what_all_answers_cost",),
    ),
    Mutant(
        "a run with a shared cache asks a server again",
        "every row is prepared, whether the cache has it or not",
        "teachers/served/made.py",
        (
            (
                "zip(self._texts(split), missing, strict=True) if wanted]",
                "zip(self._texts(split), missing, strict=True)]",
            ),
            ("asking.open(folder)\n        texts", "texts"),
        ),
        ("tests/pipeline/test_endpoint_run.py::test_a_shared_folder_of_answers_is_not_asked_for_again",),
    ),
    Mutant(
        "an estimator's classes stand in the order of the data's",
        "text sorts 10 before 2",
        "teachers/sklearn.py",
        (
            (
                "return RawSource(digest(own), outputs, ask, not values,",
                "return RawSource(digest(own), outputs, ask, False,",
            ),
        ),
        (f"{ESTIMATOR}::test_classes_in_another_order_are_found_by_name",),
    ),
    Mutant(
        "a pickle is read because its file lies there",
        "code of a stranger's file is run",
        "teachers/estimator.py",
        (("suffix in PICKLED and not trust_pickle", "suffix in PICKLED and not path.is_file()"),),
        (f"{ESTIMATOR_FILES}::test_nothing_is_unpickled_unless_the_recipe_says_so",),
    ),
    Mutant(
        "every type of a skops file is trusted",
        "what the error lists is loaded",
        "teachers/estimator.py",
        (
            (
                "if unknown := [name for name in needed if name not in trust]",
                "if unknown := [name for name in trust if not needed]",
            ),
            ("if name in trust])", "if name])"),
        ),
        (f"{ESTIMATOR_FILES}::test_types_that_skops_does_not_trust_are_listed",),
    ),
    Mutant(
        "where an estimator lies in memory names it",
        "the answers of the last run are never found again",
        "teachers/estimator.py",
        (('_UNUSED = {"_stop_words_id"}', "_UNUSED: set[str] = set()"),),
        (f"{ESTIMATOR_FILES}::test_what_names_an_estimator",),
    ),
    Mutant(
        "cells of a table come as they stand",
        "a category `1` of texts is the number 1.0 to a pipeline",
        "teachers/estimator_inputs.py",
        (("np.nan if cell is None else named(cell) for", "np.nan if cell is None else cell for"),),
        (f"{ESTIMATOR}::test_a_pipeline_on_columns_answers_as_it_does_for_a_frame",),
    ),
    Mutant(
        "one margin is the logit of the first class",
        "a decision_function's sign is turned",
        "teachers/sklearn.py",
        (("np.stack([np.zeros(rows), found], axis=1)", "np.stack([found, np.zeros(rows)], axis=1)"),),
        (f"{ESTIMATOR}::test_margins_are_logits",),
    ),
    Mutant(
        "another version has the old answers",
        "a cache of a function is another one's",
        "teachers/callable.py",
        (
            ('digest(["callable", name, self.version, self.answers])', 'digest(["callable", name, self.answers])'),
            ("        return self.version\n", "        return None\n"),
        ),
        (f"{CALLABLE}::test_another_version_refuses_the_old_answers_and_shows_both",),
    ),
    Mutant(
        "answers of a file stand in its order",
        "a permuted file answers for other rows",
        "teachers/stored.py",
        (("ids, numbers = ids[order], numbers[order]", "ids = ids[order]"),),
        (f"{ANSWERS_FILE}::test_any_order_and_form_is_the_same_teacher",),
    ),
    Mutant(
        "the first of two answers counts",
        "a contradiction is passed over",
        "teachers/stored.py",
        (("apart := again & (numbers[1:] != numbers[:-1]).any(axis=1)", "apart := again & ~again"),),
        (f"{ANSWERS_FILE}::test_a_file_that_is_wrong",),
    ),
    Mutant(
        "the nearest answer stands for a missing one",
        "a row without an answer is not noticed",
        "teachers/stored.py",
        (
            (
                "return self.ids[self._place(ids)] == ids",
                "return self.ids[self._place(ids)] == self.ids[self._place(ids)]",
            ),
        ),
        (f"{ANSWERS_FILE}::test_a_file_that_is_wrong",),
    ),
    Mutant(
        "copies of pictures are encoded for a teacher of values",
        "a teacher is asked for an example in the place of its copy",
        "pipeline/training/views.py",
        (("if is_raw(rows):", "if is_raw(rows) and not every:"),),
        (f"{ANSWERS_FILE}::test_pictures_come_to_a_function_as_they_are",),
    ),
    Mutant(
        "a published head names its outputs in the order of the classes",
        "a checkpoint whose outputs stand otherwise is called by the wrong names",
        "models/published.py",
        (("dict(zip(order, task.names, strict=True))", "dict(enumerate(task.names))"),),
        (f"{PUBLISHED}::test_a_head_in_another_order_keeps_it_and_calls_its_outputs_as_the_classes",),
    ),
    Mutant(
        "a published tokenizer cuts nowhere",
        "plain transformers reads more of a text than the run did",
        "models/published.py",
        (("model_max_length=reader.max_length,", ""),),
        (f"{PUBLISHED}::test_plain_transformers_and_both_kinds_say_what_the_run_said",),
    ),
    Mutant(
        "a new head of transformers learns at the rate of the encoder",
        "head_lr_scale means nothing to it",
        "update.py",
        (('getattr(module, "new_parameters", ())', "()"),),
        (f"{PUBLISHED}::test_a_new_head_of_transformers_has_a_learning_rate_of_its_own",),
    ),
    # --- relations --------------------------------------------------------------------------------------------------
    Mutant(
        "distances without their unit",
        "rkd of raw distances: a student of another scale is pulled to the teacher's",
        "losses/rkd_distance.py",
        (("smooth_l1_loss(d_S / unit_S, d_T / unit_T)", "smooth_l1_loss(d_S, d_T)"),),
        (OF_BATCHES,),
    ),
    Mutant(
        "a batch of one row for rkd",
        "lenscloth/RKD: the mean of no distance",
        "losses/rkd_distance.py",
        (("return x_S[:0].sum(), len(x_S)", "return x_S[:0].mean(), len(x_S)"),),
        (f"{RELATION_BUGS}::test_one_row_is_no_mean_of_nothing",),
    ),
    Mutant(
        "an angle at coincident rows",
        "lenscloth/RKD: a vector of zeros is normalised, and compared with the other side's angle",
        "losses/rkd_angle.py",
        (
            (
                "scaled(e_S, where(seen, far_S, 0)), scaled(e_T, where(seen, far_T, 0))",
                "scaled(e_S, far_S), scaled(e_T, far_T)",
            ),
        ),
        (OF_BATCHES,),
    ),
    Mutant(
        "all angles are kept",
        "lenscloth/RKD, RepDistiller: rows^3 cosines stay in memory for the way back",
        "losses/rkd_angle.py",
        (
            (
                "checkpoint(_apart, x_S, x_T, vertices, use_reentrant=False, preserve_rng_state=False)",
                "_apart(x_S, x_T, vertices)",
            ),
        ),
        (RELATION_BUGS,),
    ),
    Mutant(
        "similarities normalised as a whole",
        "RepDistiller's commented line: a large row is all that counts",
        "losses/sp.py",
        (("lengths(A_S), lengths(A_T)", "A_S.norm().expand(len(A_S), 1), A_T.norm().expand(len(A_T), 1)"),),
        (OF_BATCHES,),
    ),
    Mutant(
        "a kernel without its last term",
        "range(1, order)",
        "losses/cc.py",
        (("range(1, order + 1)", "range(1, order)"),),
        (OF_BATCHES,),
    ),
    Mutant(
        "a row is its own neighbour",
        "probabilistic_kt, RepDistiller: the diagonal counts",
        "losses/pkt.py",
        (("pairs = two_rows(seen)", "pairs = seen & seen.mT"),),
        (OF_BATCHES, RELATION_BUGS),
    ),
    Mutant(
        "an embedding's error summed over the width",
        "fitnet in place of the mean over the width",
        "losses/embedding_mse.py",
        ((".square().mean(dim=-1)", ".square().sum(dim=-1)"),),
        (CONTRACT,),
    ),
    Mutant(
        "a cosine of nothing",
        "CosineEmbeddingLoss: a state of zeros is at distance 1 of any other",
        "losses/hidden_cosine.py",
        (("counted_values(counted_values(apart, seen), mask)", "counted_values(apart, mask)"),),
        (CONTRACT,),
    ),
    Mutant(
        "a candidate that a query has not",
        "padded queries: the mean margin is over places, not over candidates",
        "losses/margin_mse.py",
        (("pairs.sum(dim=-1).clamp(min=1)", "max(1, pairs.shape[-1])"),),
        (RELATION_BUGS,),
    ),
    Mutant(
        "a missing candidate has the student's probability",
        "the student's score of a padded candidate stays in its softmax",
        "losses/ranking_kl.py",
        (("torch.where(several, torch.where(there, each, -torch.inf), 0)", "torch.where(several, each, 0)"),),
        (RELATION_BUGS,),
    ),
    Mutant(
        "T² dropped from ranking_kl",
        "the gradient fades as T grows",
        "losses/ranking_kl.py",
        (("temperature**2 * softened_kl", "softened_kl"),),
        (CONTRACT,),
    ),
    Mutant(
        "a teacher's rows in their own precision",
        "mlkd_batch of a float64 student: a cache answers in float32, and the product of both is refused",
        "losses/_relations.py",
        (("saved(teacher.detach()).to(own.dtype)", "counted_logits(teacher.detach(), None)"),),
        (OF_BATCHES,),
    ),
    Mutant(
        "a relation's teacher learns",
        "the teacher's rows are not detached",
        "losses/_relations.py",
        (("saved(teacher.detach()).to(own.dtype)", "teacher.to(own.dtype)"),),
        (OF_BATCHES,),
    ),
    Mutant(
        "relations among masked rows",
        "padding and other rows are near one another",
        "losses/_relations.py",
        (("    if mask is not None:\n        own, other = own[mask], other[mask]\n", ""),),
        (OF_BATCHES,),
    ),
    Mutant(
        "a micro-batch counts as one",
        "averages of averages: the mean of a batch in the place of its sum",
        "losses/term.py",
        (('found[0] if self.card.scope == "batch"', 'found[0] / max(1, found[1]) if self.card.scope == "batch"'),),
        (OF_BATCHES,),
    ),
    Mutant(
        "relations of a projected student",
        "the projector learns the relations, and is thrown away",
        "taps.py",
        (("    if not pair.projected:", "    if False:"),),
        (TAPS,),
    ),
    Mutant(
        "onnxruntime answers without a comparison",
        "an exported teacher that says something else",
        "pipeline/training/engine.py",
        (("if not found.difference <= MAX_ERROR:", "if False:"),),
        (f"{ENGINE}::test_an_engine_that_says_something_else_is_refused_before_it_answers",),
    ),
    Mutant(
        "answers of two engines under one name",
        "a cache that was half labelled by PyTorch goes on with onnxruntime",
        "cache/identity.py",
        (('**({} if self.engine == TORCH else {"engine": self.engine}),', ""),),
        (f"{ENGINE}::test_the_answers_of_the_other_engine_are_refused",),
    ),
    Mutant(
        "the run asks for the test rows",
        "a labelling in advance that leaves a part to the run",
        "pipeline/label.py",
        (('            answers.of("test", among=among)\n', ""),),
        (f"{IN_ADVANCE}::test_a_run_afterwards_asks_nothing",),
    ),
    Mutant(
        "room for the answers, and none to join them",
        "a labelling that ends with a full disk",
        "pipeline/label.py",
        (("_WHILE_JOINED = 2", "_WHILE_JOINED = 1"),),
        (f"{IN_ADVANCE}::test_what_does_not_fit_on_the_disk_is_refused_before_a_teacher_is_trained",),
    ),
    Mutant(
        "a cluster's answers in the order in which they come",
        "distributed inference whose rows are another worker's",
        "cache/label.py",
        (("_joined([found[number] for number in range(len(batches))])", "_joined([*found.values()])"),),
        ("tests/ranks/test_label_together.py::test_answers_of_a_cluster_are_those_of_their_rows",),
    ),
    Mutant(
        "a temperature that is not one",
        "TextBrewer: T + beta * (mean - weight) has no floor",
        "losses/transforms/transform.py",
        ((".clamp(min=temperature / 10)", ""),),
        (TRANSFORM_BUGS,),
    ),
    Mutant(
        "a gradient through temperatures",
        "the student lowers its loss by being unsure",
        "losses/transforms/cwsm.py",
        (("1 / z_S.detach().softmax", "1 / z_S.softmax"),),
        (TRANSFORMS,),
    ),
    Mutant(
        "a rounding below 0 to a power",
        "TextBrewer's flsw: NaN for gamma < 1",
        "losses/transforms/flsw.py",
        (("(1 - cosines).clamp(min=0) ** gamma", "(1 - cosines) ** gamma"),),
        (f"{TRANSFORM_BUGS}::test_a_power_of_a_rounding_is_a_number",),
    ),
    Mutant(
        "the two largest exchanged",
        "KD_Lib's ProbShift: neither may be the label",
        "losses/transforms/probability_shift.py",
        (("    pair = torch.stack([decided, label], -1)", "    pair = told.topk(2)[1]"),),
        (TRANSFORMS,),
    ),
    Mutant(
        "a smoothed label at temperature 1",
        "softened by the loss once more",
        "losses/transforms/label_smoothing.py",
        ((".log() * temperature", ".log()"),),
        (TRANSFORMS,),
    ),
    Mutant(
        "only the student in standard deviations",
        "the teacher's logits keep their scale",
        "losses/transforms/standardize.py",
        (("return _standardized(z_S, seen), _standardized(z_T, seen)", "return _standardized(z_S, seen), z_T"),),
        (TRANSFORMS,),
    ),
    Mutant(
        "a solved student of a transform",
        "a solver follows what is not convex",
        "losses/term.py",
        (("return self.card.convex and self.transform is None", "return self.card.convex"),),
        (TRANSFORMS,),
    ),
    # --- chunks of a large vocabulary ---------------------------------------------------------------------------------
    Mutant(
        "chunked: the last chunk left out",
        "torchtune: two ways of cutting, which part at odd lengths",
        "losses/chunked.py",
        (
            (
                "range(0, max(1, len(factors)), told.chunk)",
                "range(0, max(1, len(factors) - told.chunk + 1), told.chunk)",
            ),
        ),
        (f"{CHUNKED}::test_any_number_of_tokens_in_chunks_of_any_size",),
    ),
    Mutant(
        "chunked: softmax in half precision",
        "Liger's chunked JSD, TRL: logits in the dtype of the hidden states",
        "losses/chunked.py",
        (
            (
                "wide = torch.promote_types(torch.promote_types(hidden.dtype, matrix.dtype), torch.float32)",
                "wide = matrix.dtype",
            ),
        ),
        (f"{CHUNKED}::test_softmax_is_not_taken_in_half_precision",),
    ),
    Mutant(
        "chunked: the teacher's logits in half precision",
        "TRL: a teacher's bfloat16 matrix times its bfloat16 states",
        "losses/chunked.py",
        (("    wide = torch.promote_types(given.matrix.dtype, torch.float32)\n", "    wide = given.matrix.dtype\n"),),
        (f"{CHUNKED}::test_softmax_is_not_taken_in_half_precision",),
    ),
    Mutant(
        "chunked: products that autocast rounds",
        "a loss that is called where the network is",
        "losses/chunked.py",
        (("        with unrounded(factors):\n            values[rows]", "        if True:\n            values[rows]"),),
        (f"{CHUNKED}::test_softmax_is_not_taken_in_half_precision",),
    ),
    Mutant(
        "chunked: masked states reach the matrix",
        "TRL #5594: 0 * inf = nan, summed over all tokens",
        "losses/chunked.py",
        (("    if mask is None:\n        mask = torch.ones(", "    if True:\n        mask = torch.ones("),),
        (f"{CHUNKED}::test_masked_sentinel_has_no_gradient_instead_of_nan",),
    ),
    Mutant(
        "chunked: an average of averages",
        "transformers #34191: a mean a chunk",
        "losses/chunked.py",
        (("    return factors * value.detach()", "    return factors * value.detach() / len(hidden)"),),
        (f"{CHUNKED}::test_average_of_averages",),
    ),
    Mutant(
        "chunked: every value counts alike",
        "Liger: the gradient of a mean, whatever is made of the values",
        "losses/chunked.py",
        (("if not (upstream == scale).all():", "if False:"),),
        (IN_CHUNKS,),
    ),
    Mutant(
        "chunked: the way back forgets the weights",
        "a second pass of other factors than the first",
        "losses/chunked.py",
        (("_walked(layer, factors * upstream,", "_walked(layer, upstream,"),),
        (f"{CHUNKED}::test_weights_and_an_upstream_gradient_of_one_s_own",),
    ),
    Mutant(
        "chunked: weights of the values and not of their gradients",
        "a factor that only the log sees",
        "losses/chunked.py",
        (
            (
                "torch.autograd.grad(value, logits, factors.to(value.dtype))",
                "torch.autograd.grad(value, logits, torch.ones_like(value))",
            ),
        ),
        (f"{CHUNKED}::test_weights_are_factors_of_the_values_that_cost_no_second_pass",),
    ),
    Mutant(
        "chunked: always a second pass",
        "logits of every chunk computed twice, for values that count alike",
        "losses/chunked.py",
        (("if not (upstream == scale).all():", "if True:"),),
        (f"{CHUNKED}::test_values_that_count_alike_are_computed_once",),
    ),
    Mutant(
        "chunked: the first chunk's teacher for every chunk",
        "rows of the student beside other rows of the teacher",
        "losses/chunked.py",
        (
            (
                "tuple(axis[rows] for axis in self.places)",
                "tuple(axis[: rows.stop - rows.start][: len(logits)] for axis in self.places)",
            ),
        ),
        (IN_CHUNKS,),
    ),
    Mutant(
        "chunked: the bias of the last chunk",
        "a sum over the tokens that begins anew",
        "losses/chunked.py",
        (("by_bias += slope.sum(dim=0)", "by_bias.copy_(slope.sum(dim=0))"),),
        (IN_CHUNKS,),
    ),
    Mutant(
        "chunked: the matrix of the last chunk",
        "a sum over the tokens that begins anew",
        "losses/chunked.py",
        (("by_matrix.addmm_(slope.mT, hidden)", "by_matrix.copy_(slope.mT @ hidden)"),),
        (IN_CHUNKS,),
    ),
    Mutant(
        "chunked: all of a teacher's logits at once",
        "Liger's FusedLinearJSD: tokens x vocabulary",
        "losses/chunked.py",
        (
            (
                "{need: _widened(one) for need, one in told.items()}",
                '{need: getattr(one, "dense", one) for need, one in told.items()}',
            ),
        ),
        (f"{CHUNKED}::test_no_tensor_is_larger_than_a_chunk",),
    ),
    Mutant(
        "chunked: a copy of the teacher's logits",
        "reshape of `logits[:, :-1]`, which is no view",
        "losses/chunked.py",
        (("lambda part: part.unsqueeze(0)[places]", "lambda part: part.contiguous().unsqueeze(0)[places]"),),
        (f"{CHUNKED}::test_no_tensor_is_larger_than_a_chunk",),
    ),
    Mutant(
        "chunked: the logits of every chunk kept",
        "what a checkpoint is for",
        "losses/chunked.py",
        (
            (
                "    return factors * value.detach()",
                "    told.others.setdefault('kept', []).append(logits)\n    return factors * value.detach()",
            ),
            ("for need, one in self.others.items()", "for need, one in self.others.items() if need != 'kept'"),
        ),
        (f"{CHUNKED}::test_the_logits_of_a_chunk_end_with_it",),
    ),
    Mutant(
        "chunked: a loss of a batch",
        "a chunk's rows for those of the batch",
        "losses/chunked.py",
        (('if card.scope == "batch":', "if False:"),),
        (IN_CHUNKS,),
    ),
    Mutant(
        "chunked: labels of other predictions",
        "a chunk takes what it finds",
        "losses/chunked.py",
        (("if found[: len(predictions)] != predictions or (", "if ("),),
        (f"{CHUNKED}::test_what_stands_beside_the_logits_is_refused_as_the_loss_refuses_it",),
    ),
    Mutant(
        "a temperature that descends with the student",
        "the gradient is not reversed: the temperature goes where the loss is least",
        "losses/transforms/ctkd.py",
        (("return 2 * temperature.detach() - temperature", "return temperature"),),
        (CTKD, CRITICS),
    ),
    Mutant(
        "a learned temperature without its teacher's half",
        "the gradient through the student's division alone",
        "losses/_learned.py",
        (("(loss(*precise, temperature=T * (1 + side)) for", "(loss(*precise, temperature=T) for"),),
        (CTKD,),
    ),
    Mutant(
        "a temperature at the student's rate from the first step",
        "no curriculum",
        "update.py",
        ((' * parameters["strength"](progress)', ""),),
        (CRITICS,),
    ),
    Mutant(
        "a critic beside the trainable",
        "a temperature that no optimizer, checkpoint or exchange of gradients knows",
        "taps.py",
        (("self.critics = nn.ModuleDict(", "self.critics = dict("),),
        (CRITICS,),
    ),
    Mutant(
        "a mean teacher that forgets nothing of its beginning",
        "the decay from the first step: the mean is the first weights for a long time",
        "teachers/moving.py",
        (("max(1 - self._decay, 1 / (done + 1))", "1 - self._decay"),),
        (MEAN,),
    ),
    Mutant(
        "a mean teacher without its statistics",
        "parameters are averaged, and the batch norms are those of the beginning",
        "teachers/moving.py",
        (("    yield from module.buffers()\n", ""),),
        (MEAN,),
    ),
    Mutant(
        "a mean teacher in training mode",
        "dropout in the targets, and statistics of its own",
        "teachers/moving.py",
        (("copy.deepcopy(student).eval()", "copy.deepcopy(student).train()"),),
        (MEAN,),
    ),
    Mutant(
        "a mean teacher that a checkpoint leaves out",
        "after a kill it begins anew as the student",
        "checkpoint.py",
        (
            ('tensors |= {f"moving/{name}"', '_ = {f"moving/{name}"'),
            ('moving.load(groups["moving"])', "pass"),
        ),
        (MEAN,),
    ),
    Mutant(
        "a mean teacher that follows before the step",
        "it lags a step behind",
        "trainer.py",
        (
            ("            distiller.follow(student, history.done, group)\n", ""),
            (
                "            means = take_step(distiller,",
                "            distiller.follow(student, step + 1, group)\n            means = take_step(distiller,",
            ),
        ),
        (MEAN,),
    ),
    Mutant(
        "the moved teacher judged with the student's weights",
        "the report's teacher is another network than the one that taught",
        "pipeline/training/moved.py",
        (("    load_model(saved(model), weights, device=str(best_device()))", "    assert weights.is_file()"),),
        (f"{MEAN_RUN}::test_the_teachers_score_is_that_of_its_last_weights",),
    ),
    Mutant(
        "a peer that is the student's twin",
        "two that start alike have nothing to teach each other",
        "pipeline/training/pretrain.py",
        (('    return int(digest(["peer", seed]), 16) % 2**32', "    return 2**32 + seed"),),
        (f"{MUTUAL_RUN}::test_a_peer_starts_from_weights_of_its_own",),
    ),
    Mutant(
        "a peer that learns from the labels alone",
        "the student hears it, and it never hears the student",
        "peer.py",
        (("_Asked(student), seen", "_Asked(network), seen"),),
        (MUTUAL,),
    ),
    Mutant(
        "a peer that compares what the task does not",
        "of a task that compares outputs in another form, its losses see raw ones",
        "pipeline/training/learn.py",
        (("steps=lesson.steps(train), seen=task.seen)", "steps=lesson.steps(train))"),),
        (f"{MUTUAL_RUN}::test_a_peer_of_another_task_is_trained_as_its_student_is",),
    ),
    Mutant(
        "a peer whose pretraining a check leaves out",
        "a run that takes an hour longer than was said",
        "pipeline/check.py",
        (("own += [(settings, peer_seed(seed)) for settings, seed in own]", "pass"),),
        (f"{MUTUAL_RUN}::test_a_check_counts_the_peers_pretraining",),
    ),
    Mutant(
        "a peer that is a step late in its schedule",
        "its learning rate is that of the next step",
        "peer.py",
        (("group, done - 1, self._steps", "group, done, self._steps"),),
        (MUTUAL,),
    ),
    Mutant(
        "a peer whose optimizer a checkpoint leaves out",
        "after a kill its moments begin anew",
        "peer.py",
        (('        load_optimizer(self._optimizer, parts["optimizer"])\n', ""),),
        (MUTUAL,),
    ),
    Mutant(
        "a peer that is left without its average",
        "the report judges noisy weights beside a student's averaged ones",
        "peer.py",
        (("with self._optimizer.averaged(), torch.no_grad():", "with torch.no_grad():"),),
        (MUTUAL,),
    ),
    Mutant(
        "a peer that is trained as it answers",
        "without dropout, and by statistics that no longer move",
        "peer.py",
        (("        distiller.trainable.train()\n", ""),),
        (MUTUAL,),
    ),
    Mutant(
        "a peer that answers as it is trained",
        "with dropout, and statistics of batches that it answers for",
        "teachers/moving.py",
        (("with evaluating(module), torch.no_grad():", "with torch.no_grad():"),),
        (MUTUAL,),
    ),
    # --- files larger than memory -------------------------------------------------------------------------------------
    Mutant(
        "laid aside: rows that are joined keep their own places",
        "the second file's texts are those of the first",
        "data/held.py",
        (("places.append(stand + sum(map(len, parts)))", "places.append(stand)"),),
        (f"{HELD}::test_values_on_disk_are_taken_and_joined_as_those_of_a_list",),
    ),
    Mutant(
        "laid aside: a column that begins late",
        "its cells stand in the rows of the file's first part",
        "data/readers.py",
        (("                cells[name].extend([None] * rows)\n", ""),),
        (f"{HELD}::test_a_column_that_only_later_rows_have_begins_with_nothing",),
    ),
    Mutant(
        "laid aside: nothing",
        "a file has to fit into memory",
        "data/readers.py",
        (("large = size_when_read(path) >= LARGE", "large = False"),),
        (f"{HELD}::test_a_large_file_takes_little_memory",),
    ),
    Mutant(
        "a parquet file held until it is closed",
        "pyarrow keeps every column that it has read",
        "runtime/records/arrow.py",
        (('{"pre_buffer": False, "buffer_size": 1 << 20}', "{}"),),
        (f"{HELD}::test_of_a_parquet_file_a_part_is_in_memory_at_a_time",),
    ),
    Mutant(
        "encoded in pieces: lengths taken for ends",
        "every text after the first piece has another one's tokens",
        "data/encoded.py",
        (("np.cumsum(arrays[_ENDS], dtype=np.int64)", "arrays[_ENDS]"),),
        (f"{HELD}::test_texts_encoded_in_pieces_are_those_encoded_at_once",),
    ),
    Mutant(
        "encoded in pieces: kept in memory",
        "views have to fit into memory",
        "data/encoded.py",
        (("if self._bytes > LARGE:", "if False:"),),
        (f"{HELD}::test_texts_encoded_in_pieces_are_those_encoded_at_once",),
    ),
    Mutant(
        "a view of bytes that may change",
        "whoever gave it changes the picture",
        "runtime/content.py",
        (("isinstance(cell, memoryview) and cell.readonly", "isinstance(cell, memoryview)"),),
        (f"{HELD}::test_a_view_that_may_change_is_copied",),
    ),
    Mutant(
        "weights as they are",
        "a search that begins as if a function were equally curved everywhere takes hundreds of steps",
        "data/least.py",
        (("unit = _units(matrix, slope, penalty, start)", "unit = np.ones(start.shape)"),),
        (f"{LEAST}::test_features_and_columns_of_any_size_take_few_steps",),
    ),
    Mutant(
        "no curvature where a search begins",
        "a weight in units without end",
        "data/least.py",
        (("_FLATTEST = 0.01", "_FLATTEST = 1e-30"),),
        (f"{LEAST}::test_what_is_flat_where_a_search_begins_is_still_found",),
    ),
    Mutant(
        "a solver on all threads",
        "threads that wait for one another, beside other work for minutes",
        "data/least.py",
        (("with one_thread():", "if True:"),),
        (f"{LEAST}::test_products_take_one_thread_while_it_is_solved",),
    ),
    Mutant(
        "TF-IDF without counts",
        "a text says a word nine times, and it weighs as if it were said once",
        "teachers/tfidf_regression.py",
        (("(1 + (after - first).to(self.idf).log())", "1"),),
        (f"{TFIDF}::test_two_classes_equal_scikit_learn",),
    ),
    Mutant(
        "pairs of words that count as words",
        "one penalty for both, and students of pairs are worse than students of words",
        "teachers/tfidf_regression.py",
        (("idf * self.settings.ngram_weight", "idf"),),
        (f"{TFIDF}::test_two_classes_equal_scikit_learn",),
    ),
    Mutant(
        "a linear student that sees whether a word is there",
        "long reviews: a point below the same model with counts",
        "models/linear.py",
        (("_LATER = (1, 3, 7)", "_LATER = (1, 3, 70)"),),
        (f"{LINEAR}::test_it_sees_tf_idf_of_words_and_hashed_ngrams",),
    ),
    Mutant(
        "a search that ends at the first strength that is worse",
        "the cost over strengths is not smooth",
        "models/linear.py",
        (("_WORSE = 2", "_WORSE = 1"),),
        (f"{LINEAR}::test_a_search_ends_after_two_strengths_that_are_worse",),
    ),
    Mutant(
        "one standard error in place of an interval",
        "a trained student ships that is better by chance",
        "pipeline/training/tuning.py",
        (("if margin <= SIDE * error else", "if margin <= error else"),),
        (f"{TUNING}::test_what_is_passed_over_is_within_the_interval_and_not_within_one_error_alone",),
    ),
    Mutant(
        "the first solved network in place of the best",
        "a grid in the order of somebody's taste",
        "pipeline/training/tuning.py",
        (("other = max(solved, key=lambda index: trained[index].history.best)", "other = solved[0]"),),
        (f"{TUNING}::test_of_those_that_are_solved_the_best_one_is_taken",),
    ),
    Mutant(
        "folds where one of them takes a class with it",
        "the run ends after the teacher was trained",
        "pipeline/planning/texts.py",
        ((" and splits.parted(_FOLDS) is not None", ""),),
        (f"{PLANNING}::test_folds_that_would_leave_one_class_choose_nothing",),
    ),
    Mutant(
        "a decision that is fitted to two validation rows",
        "a prior of four rows: the teacher loses eight points",
        "pipeline/planning/held_out.py",
        (("if splits.task.fits_decision:", "if False:"),),
        (f"{PLANNING}::test_validation_rows_that_choose_stay",),
    ),
    Mutant(
        "curves of two validation rows",
        "a plan that forgets who chooses by them",
        "pipeline/planning/held_out.py",
        ((" or recipe.curves is not None", ""),),
        (f"{PLANNING}::test_validation_rows_that_choose_stay",),
    ),
    Mutant(
        "steps planned as if every batch were the usual one",
        "large batches take as long as small ones",
        "pipeline/planning/students.py",
        (("one.train.batch_size * words)", "_BATCH * words)"),),
        (f"{PLANNED_STUDENTS}::test_trainings_are_those_of_the_recipe",),
    ),
    Mutant(
        "the plan trains the baseline once",
        "its folds are not counted, and a run takes longer than its budget",
        "pipeline/planning/students.py",
        (
            (
                'times = {arm: 1 + (folds if arm == "baseline" else 0)',
                'times = {arm: 1 + (0 if arm == "baseline" else 0)',
            ),
        ),
        (f"{PLANNING}::test_what_is_made_in_folds_is_counted_as_often",),
    ),
    Mutant(
        "two networks at a time that take all cores",
        "each has half of the threads, and other bits",
        "pipeline/training/side_by_side.py",
        (("all(train.threads == 1 for train in trained)", "True"),),
        (f"{SIDE_BY_SIDE}::test_a_planned_run_trains_two_small_students_at_a_time",),
    ),
    Mutant(
        "processes for a training of a second",
        "starting them takes longer than the training",
        "pipeline/training/side_by_side.py",
        (("train.total_steps(0) >= _LONG", "train.total_steps(0) >= 0"),),
        (f"{SIDE_BY_SIDE}::test_a_planned_run_trains_two_small_students_at_a_time",),
    ),
    Mutant(
        "the plan judges a candidate by the student's steps, not by its own",
        "one that is trained for a moment is left out as if it took minutes",
        "pipeline/planning/students.py",
        (
            (
                "costs.steps(one.model.name, one.train.total_steps(rows)",
                "costs.steps(one.model.name, known.student.train.total_steps(rows)",
            ),
        ),
        (f"{PLANNED_STUDENTS}::test_a_point_of_the_grid_is_trained_for_as_long_as_it_says",),
    ),
    Mutant(
        "the plan replaces epochs",
        "an override of a recipe is dropped without a word",
        "pipeline/planning/students.py",
        (('for key in ("steps", "epochs")', 'for key in ("steps",)'),),
        (f"{PLANNED_STUDENTS}::test_a_candidate_that_takes_long_is_left_out",),
    ),
)
