"""What this machine does stays on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = "from decai.models.encoder import encoder_path, onnx_session; onnx_session(encoder_path(), name='encoder.onnx')"


def test_the_runtime_of_models_reports_to_nobody(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry leaves a session's identifier in the temporary folder as soon as it is loaded."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    env = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    env |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", CODE], env=env, check=True, timeout=60)
    assert [p for folder in (home, temporary) for p in folder.rglob("*") if p.is_file()] == []
