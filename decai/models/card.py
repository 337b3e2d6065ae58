"""The model card: ``README.md`` with the metadata block Hugging Face defines.

Source: <https://huggingface.co/docs/hub/model-cards>, and for the footprint
<https://huggingface.co/docs/hub/model-cards-co2>.
"""

from __future__ import annotations

import json
from typing import Any

from decai.models.manifest import Footprint, Manifest

__all__ = ["model_card"]

_JOULES_PER_KWH = 3_600_000


def model_card(manifest: Manifest) -> str:
    """Write a bundle's model card.

    Parameters
    ----------
    manifest : Manifest
        Its files are not looked at: the card is one of them.

    Returns
    -------
    str
        Markdown with a YAML front matter; the same manifest always gives the same text.
    """
    sections = [
        f"# {manifest.name}",
        manifest.card.description,
        _section("Intended use", manifest.card.intended_use),
        _section("Labels", "\n".join(f"* `{label}`" for label in manifest.labels)),
        _section("Evaluation", _evaluation(manifest)),
        _section("Training", _training(manifest)),
        _section("Limitations", "\n".join(f"* {text}" for text in manifest.card.limitations)),
        _section("Footprint", _footprint(manifest.footprint)),
        _section("Attributions", "\n".join(f"* {text}" for text in manifest.card.attributions)),
    ]
    front = "\n".join(_yaml(_metadata(manifest)))
    return f"---\n{front}\n---\n\n" + "\n\n".join(s for s in sections if s) + "\n"


def _metadata(manifest: Manifest) -> dict[str, Any]:
    card = manifest.card
    metadata: dict[str, Any] = {
        "license": card.licence.lower(),
        "library_name": "onnx",
        "pipeline_tag": manifest.task,
        "tags": ["decai", "onnx"],
    }
    if card.language:
        metadata["language"] = card.language
    if manifest.footprint is not None:
        footprint = manifest.footprint
        metadata["co2_eq_emissions"] = {
            "emissions": footprint.co2e_mg / 1000,  # grams, as the format wants
            "source": footprint.source,
            "training_type": "fine-tuning",
            **({"geographical_location": footprint.region} if footprint.region else {}),
            **({"hardware_used": footprint.hardware} if footprint.hardware else {}),
        }
    if manifest.metrics is not None and manifest.evaluation_set is not None:
        result = {
            "task": {"type": manifest.task},
            "dataset": {"name": manifest.evaluation_set.name, "type": "decai-set"},
            "metrics": [{"type": "accuracy", "value": manifest.metrics.accuracy_ppm / 1_000_000}],
        }
        metadata["model-index"] = [{"name": manifest.name, "results": [result]}]
    return metadata


def _yaml(value: Any, indent: str = "") -> list[str]:
    """Block style, with every scalar in JSON, which YAML includes.

    Nothing in a text can break out of its place.
    """
    lines = []
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list):
                lines += [f"{indent}{key}:", *_yaml(item, indent + "  ")]
            else:
                lines.append(f"{indent}{key}: {json.dumps(item)}")
        return lines
    for item in value:
        if isinstance(item, dict):
            first, *rest = _yaml(item, indent + "  ")
            lines += [f"{indent}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{indent}- {json.dumps(item)}")
    return lines


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _evaluation(manifest: Manifest) -> str:
    metrics = manifest.metrics
    if metrics is None:
        return "Not evaluated."
    where = f" of {manifest.evaluation_set.name}" if manifest.evaluation_set else ""
    accuracy = f"Accuracy {metrics.accuracy_ppm / 10_000:.2f} %"
    text = f"{accuracy}: {metrics.correct:,} of {metrics.rows:,} held-out rows{where}."
    if metrics.accuracy_before_ppm is not None:
        text += f" Before: {metrics.accuracy_before_ppm / 10_000:.2f} %."
    return text


def _training(manifest: Manifest) -> str:
    lines = []
    if manifest.training is not None:
        training = manifest.training
        segments = "1 segment" if training.segments == 1 else f"{training.segments:,} segments"
        lines.append(
            f"{segments} of {training.steps} full-batch steps on {training.rows} rows each, in integer "
            "arithmetic: the same data gives the same head on every machine."
        )
    if manifest.training_set is not None:
        where = f" ({manifest.training_set.cid})" if manifest.training_set.cid else ""
        lines.append(f"Training set: {manifest.training_set.name}{where}, {manifest.training_set.rows:,} rows.")
    if manifest.parent is not None:
        lines.append(f"Trained from version {manifest.parent.version} ({manifest.parent.cid}).")
    if manifest.head is not None:
        lines.append(f"Commitment of the head: `{manifest.head.commitment}`.")
    return "\n\n".join(lines)


def _footprint(footprint: Footprint | None) -> str:
    if footprint is None:
        return "Not recorded."
    return (
        f"{footprint.energy_joules:,} J ({footprint.energy_joules / _JOULES_PER_KWH:.3g} kWh), "
        f"{footprint.co2e_mg / 1000:.3g} g CO2e, {footprint.grade}. {footprint.source}"
    )
