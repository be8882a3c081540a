"""The run's metric against the time of one example."""

from limbeck.evaluation.schema import Evaluation
from limbeck.report import words
from limbeck.report.blocks import Drawing
from limbeck.report.figures.chart import decades, label_points, scaled, value_axis
from limbeck.report.style import looks
from limbeck.report.svg import WIDTH, canvas, colour, finish, name_axes, style
from limbeck.report.words import prose


@style()
def cost(evaluation: Evaluation) -> Drawing | None:
    """Draw every model's score against its processor time."""
    models = {name: one for name, one in evaluation.models.items() if one.cost and one.cost.time_ms > 0}
    if not models:
        return None
    metric, look = evaluation.metric, looks(evaluation.models)
    times = {name: one.cost.time_ms for name, one in models.items() if one.cost}
    means = dict(zip(models, scaled((one.scores[metric.name] for one in models.values()), metric), strict=True))
    seeds = {name: scaled((seed.scores[metric.name] for seed in one.per_seed), metric) for name, one in models.items()}
    figure, axes = canvas(290)
    decades(axes, list(times.values()))
    edge = [value for values in seeds.values() for value in values] + list(means.values())
    # Names of models that are level need room above and below.
    room = max(0.2 * (max(edge) - min(edge)), 0.01 * max(map(abs, edge)), 1e-3)
    axes.set_ylim(min(edge) - room, max(edge) + room)
    value_axis(axes, metric)
    for name in models:
        x, ink = times[name], colour(look[name])
        if len(seeds[name]) > 1:
            axes.plot([x, x], [min(seeds[name]), max(seeds[name])], color=ink, linewidth=2, alpha=0.45)
        axes.plot([x], [means[name]], look[name].marker, color=ink, markersize=9, clip_on=False)
    called = {name: words.model(name, evaluation) for name in models}
    points = {called[name]: (times[name], value) for name, value in means.items()}
    label_points(axes, points, {called[name]: look[name] for name in models})
    title = words.capital(metric.title)
    name_axes(figure, axes, x="processor time of one example, ms (log)", y=f"{title} on the test split")
    label = f"{title} against processor time: " + "; ".join(
        f"{called[name]} {words.score(one.scores[metric.name], metric)} in {words.milliseconds(times[name])}"
        for name, one in models.items()
    )
    caption = prose.cost_caption(evaluation, [name for name in evaluation.models if name not in models])
    return Drawing(f"{title} against processor time", caption, finish(figure, key="cost", label=label), WIDTH)
