"""Distil with `transformers.Trainer`: `python examples/hf_trainer.py` (a few seconds, no download).

A BERT of two layers learns from labels and teaches one of a single layer, which sees more rows and few labels. The
gradient does not depend on how a batch is split by `gradient_accumulation_steps`, or over processes.
"""

import tempfile
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from limbeck.losses import cross_entropy, kd

UNLABELLED = -100  # what `num_items_in_batch` leaves out
WORDS, TOKENS, CLASSES = 24, 8, 3


class DistillingTrainer(Trainer):
    """A Trainer whose loss is `0.9 * kd + 0.1 * cross_entropy`, each a mean over the rows of a whole optimizer step.

    For several GPUs, start one process each (`torchrun`, `accelerate launch`) and leave
    `average_tokens_across_devices` as it is.

    Args:
        teacher: called with the student's inputs, without the labels.
        **kwargs: Trainer's own.
    """

    loss_is_scaled_for_ga = True  # else Trainer would divide by the number of micro-batches once more

    def __init__(self, *, teacher: nn.Module, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_accepts_loss_kwargs = True  # else `num_items_in_batch` is None for a `forward` without `**kwargs`
        self.teacher = teacher.to(self.args.device).eval().requires_grad_(False)

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """Draw the micro-batches of a step, and count their rows: `num_items_in_batch` counts those with a label."""
        batches, labelled = super().get_batch_samples(epoch_iterator, num_batches, device)
        rows = torch.tensor(sum(len(batch["labels"]) for batch in batches), device=device)
        self.rows_in_batch = self.accelerator.gather(rows).sum()
        return batches, labelled

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return a micro-batch's share of the step's loss: its sums, divided by the counts of the whole step."""
        labels, inputs = inputs["labels"], {name: value for name, value in inputs.items() if name != "labels"}
        outputs = model(**inputs)
        with torch.no_grad():
            answers = self.teacher(**inputs).logits
        soft = kd(outputs.logits, answers, temperature=2.0).sum()
        hard = cross_entropy(outputs.logits, labels, mask=labels != UNLABELLED).sum()
        # kd counts every row, num_items_in_batch the labelled ones: a divisor each, over all processes, whose
        # gradients are then averaged.
        processes = self.accelerator.num_processes
        rows = self.rows_in_batch if model.training else len(labels) * processes
        loss = processes * (0.9 * soft / rows + 0.1 * hard / num_items_in_batch.clamp(min=1))
        return (loss, outputs) if return_outputs else loss


def network(layers: int, seed: int) -> BertForSequenceClassification:
    """Return a tiny BERT with random weights."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": layers}
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return BertForSequenceClassification(BertConfig(vocab_size=WORDS, num_labels=CLASSES, **sizes, **dropout))


def dataset(rows: int, labelled: int, seed: int) -> list[dict[str, Tensor]]:
    """Return rows whose class says which third of the words they hold most of; the first ones keep their label."""
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(0, WORDS, (rows, TOKENS), generator=generator)
    labels = torch.stack([(words % CLASSES == c).sum(1) for c in range(CLASSES)], 1).argmax(1)
    labels[labelled:] = UNLABELLED
    return [{"input_ids": ids, "labels": label} for ids, label in zip(words, labels, strict=True)]


def arguments(folder: str, **changes: Any) -> TrainingArguments:
    """Return quiet arguments for a short run."""
    quiet = {"report_to": [], "disable_tqdm": True, "save_strategy": "no", "logging_strategy": "no"}
    machine = {"use_cpu": True, "dataloader_pin_memory": False}
    return TrainingArguments(folder, learning_rate=3e-3, seed=0, **quiet, **machine, **changes)


def decisions(model: nn.Module, rows: list[dict[str, Tensor]]) -> Tensor:
    """Return the class that a model chooses for each row."""
    with torch.no_grad():
        return model.eval()(input_ids=torch.stack([row["input_ids"] for row in rows])).logits.argmax(-1)


def main() -> None:
    """Train a teacher, then a student."""
    unseen = dataset(300, 300, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        teacher, student = network(layers=2, seed=0), network(layers=1, seed=1)
        settings = arguments(folder, per_device_train_batch_size=32, max_steps=120)
        Trainer(teacher, settings, train_dataset=dataset(1000, 1000, seed=0)).train()
        taught = decisions(teacher, unseen)
        right = (taught == torch.stack([row["labels"] for row in unseen])).float().mean()
        print(f"the teacher is right on {right:.0%} of {len(unseen)} unseen rows")
        print(f"the untrained student agrees with it on {(decisions(student, unseen) == taught).float().mean():.0%}")
        settings = arguments(folder, per_device_train_batch_size=16, gradient_accumulation_steps=2, max_steps=100)
        rows = dataset(1000, 100, seed=1)
        DistillingTrainer(model=student, args=settings, train_dataset=rows, teacher=teacher).train()
        print(f"the distilled student agrees with it on {(decisions(student, unseen) == taught).float().mean():.0%}")


if __name__ == "__main__":
    main()
