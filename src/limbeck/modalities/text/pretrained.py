"""What a pretrained folder or hub id declares, read without running any code of its own."""

from pathlib import Path
from typing import Any

from limbeck.errors import LimbeckError, first_line
from limbeck.files import read_json

PRETRAINED = (
    "give a folder with config.json, model.safetensors and tokenizer.json, a hub id that can be reached, or `minilm`"
)
"""What a pretrained model can be."""


def unloadable(source: str, error: Exception) -> LimbeckError:
    """Return the one-line error for whatever transformers says about a checkpoint."""
    return LimbeckError(f"cannot load the model: {first_line(error).rstrip('.')}", where=source, fix=PRETRAINED)


def pretrained_config(source: str) -> Any:
    """Return the configuration of a checkpoint, with the defaults of its architecture.

    Args:
        source: a folder or a hub id.

    Raises:
        LimbeckError: there is none that transformers reads, or it asks for code of its own.
    """
    from transformers import AutoConfig, PretrainedConfig  # slow to import, and needed for pretrained models only

    try:
        refuse_code(source, PretrainedConfig.get_config_dict(source)[0], "config.json")
        return AutoConfig.from_pretrained(source, trust_remote_code=False)
    except LimbeckError:
        raise
    except Exception as error:  # a damaged file raises whatever its reader raises
        raise unloadable(source, error) from error


def refuse_code(source: str, declared: Any, file: str) -> None:
    """Refuse a checkpoint that names Python code of its own: another class may read the same weights otherwise.

    Args:
        source: a folder or a hub id.
        declared: the content of the file.
        file: its name, for the error.

    Raises:
        LimbeckError: the file has an `auto_map`.
    """
    if isinstance(declared, dict) and declared.get("auto_map"):
        raise LimbeckError(
            f"{file} asks for Python code of the checkpoint (`auto_map`), which is never run",
            where=source,
            fix="load it yourself and give the module to limbeck.distill, or take another checkpoint",
        )


def declared_padding(source: str) -> int | None:
    """Return the id that a checkpoint's configuration pads with; None where it has none, or is a tokenizer only.

    Args:
        source: a folder or a hub id.

    Raises:
        LimbeckError: the configuration is damaged, or asks for code of its own.
    """
    file = Path(source) / "config.json"
    if Path(source).is_dir():
        if not file.is_file():
            return None
        declared = read_json(file, dict)
    else:
        from transformers import PretrainedConfig

        try:
            declared = PretrainedConfig.get_config_dict(source)[0]
        except Exception:  # a tokenizer without a model; what else is wrong is said where the model is asked for
            return None
    refuse_code(source, declared, file.name)
    if not isinstance(declared, dict) or not declared.get("model_type"):
        return None
    if "pad_token_id" not in declared:  # the default of its architecture, which transformers knows
        return _token(getattr(pretrained_config(source), "pad_token_id", None))
    return _token(declared["pad_token_id"])


def _token(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def longest_text(config: Any, most: int) -> int:
    """Return how many tokens a pretrained network reads at once, at most `most`.

    Args:
        config: of the network.
        most: returned where the network has no limit of its own.
    """
    limit = getattr(config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit < 1:
        return most
    if config.model_type in _POSITIONS_AFTER_PADDING:
        limit -= (_token(getattr(config, "pad_token_id", None)) or 0) + 1
    return max(1, min(limit, most))


def tokenizer_limit(source: str, most: int) -> int:
    """Return at how many tokens the tokenizer of a checkpoint cuts a text (`model_max_length`), at most `most`.

    Args:
        source: a folder or a hub id.
        most: returned where its files say no limit.
    """
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    try:
        limit = get_tokenizer_config(source).get("model_max_length")
    except Exception:  # what is wrong with a tokenizer is said where it is read
        return most
    return min(int(limit), most) if isinstance(limit, int | float) and limit >= 1 else most


_POSITIONS_AFTER_PADDING = frozenset(
    {
        "camembert",
        "data2vec-text",
        "esm",
        "ibert",
        "lilt",
        "longformer",
        "luke",
        "markuplm",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Architectures that number positions from the padding id on, so that their first rows of positions are never used."""
