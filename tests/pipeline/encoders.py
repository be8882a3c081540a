"""A tiny encoder of transformers, with a tokenizer that knows its words, or cuts every word into letters."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors


def write_encoder(folder: Path, words: Sequence[str], *, letters: bool = False, width: int = 16) -> Path:
    """Write what `from_pretrained` reads, with random weights.

    Args:
        folder: that is made.
        words: that it knows.
        letters: its tokens are letters, with `##` before those inside of a word: it knows no language.
        width: of its states.
    """
    from transformers import BertConfig, BertModel

    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    known = [*alphabet, *(f"##{letter}" for letter in alphabet)] if letters else [*words]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *known]
    torch.manual_seed(0)
    sizes = {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": width}
    config = BertConfig(vocab_size=len(tokens), max_position_embeddings=300, pad_token_id=0, **sizes)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    vocabulary = {word: number for number, word in enumerate(tokens)}
    kind = models.WordPiece if letters else models.WordLevel
    tokenizer = Tokenizer(kind(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+"), "removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
