"""Before a network is made it is counted: that takes no memory, and changes nothing of it."""

import pytest
import torch
from model_cases import CASES, FORMS, OUTPUTS, case_id, settings_for

from limbeck.errors import LimbeckError
from limbeck.models import MODELS, build_model
from limbeck.models.catalogue import require_memory

PRETRAINED = ("transformer", "pretrained_image", "pretrained_audio")
SIZED = [case for case in CASES if case[0] not in PRETRAINED]  # of which files say how large it is


@pytest.mark.parametrize("case", SIZED, ids=case_id)
def test_a_network_is_counted_rightly_and_made_as_if_it_had_not_been(case, monkeypatch):
    settings = settings_for(*case, checkpoint=None)
    form = FORMS[MODELS[settings.name].reads]
    torch.manual_seed(5)
    plain = MODELS[settings.name].build(settings, outputs=OUTPUTS, form=form)
    torch.manual_seed(5)
    made = build_model(settings, outputs=OUTPUTS, form=form)
    assert all(torch.equal(one, other) for one, other in zip(plain.parameters(), made.parameters(), strict=True))
    parameters = sum(each.numel() for each in plain.parameters())
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 16, "SC_PHYS_PAGES": parameters}.__getitem__)
    require_memory(settings, outputs=OUTPUTS, form=form)
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 16, "SC_PHYS_PAGES": parameters - 1}.__getitem__)
    with pytest.raises(LimbeckError, match=f"of {parameters:,} parameters"):
        require_memory(settings, outputs=OUTPUTS, form=form)
