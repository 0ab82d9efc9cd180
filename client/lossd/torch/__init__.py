"""The bridge to torch, `pip install 'lossd[torch]'`; `import lossd` never comes here."""

try:
    import torch as _torch  # noqa: F401  # to say what is missing
except ModuleNotFoundError as error:
    raise ImportError("lossd.torch needs torch: pip install 'lossd[torch]'", name=error.name) from None

from lossd.torch.export import export_loss as export_loss
from lossd.torch.models import export_model as export_model
from lossd.torch.remote import RemoteLoss as RemoteLoss

__all__ = ["RemoteLoss", "export_loss", "export_model"]
