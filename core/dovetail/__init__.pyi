"""The public names, for type checkers; at run time they are resolved when first used."""

from dovetail.assembly import (
    Model as Model,
)
from dovetail.assembly import (
    assemble as assemble,
)
from dovetail.bench import (
    load as load,
)
from dovetail.bench import (
    train as train,
)
from dovetail.errors import (
    DovetailError as DovetailError,
)
from dovetail.errors import (
    Failure as Failure,
)
from dovetail.errors import (
    Fault as Fault,
)
from dovetail.errors import (
    Faults as Faults,
)
from dovetail.errors import (
    Misfit as Misfit,
)
from dovetail.errors import (
    Mistake as Mistake,
)
from dovetail.frozendict import (
    FrozenDict as FrozenDict,
)
from dovetail.hooks import (
    hook as hook,
)
from dovetail.interfaces import (
    Attention as Attention,
)
from dovetail.interfaces import (
    AttentionSpec as AttentionSpec,
)
from dovetail.interfaces import (
    Augment as Augment,
)
from dovetail.interfaces import (
    Batch as Batch,
)
from dovetail.interfaces import (
    Cell as Cell,
)
from dovetail.interfaces import (
    CellSpec as CellSpec,
)
from dovetail.interfaces import (
    Dataset as Dataset,
)
from dovetail.interfaces import (
    DatasetSpec as DatasetSpec,
)
from dovetail.interfaces import (
    Discriminator as Discriminator,
)
from dovetail.interfaces import (
    DiscriminatorSpec as DiscriminatorSpec,
)
from dovetail.interfaces import (
    Encoder as Encoder,
)
from dovetail.interfaces import (
    EncoderSpec as EncoderSpec,
)
from dovetail.interfaces import (
    Generator as Generator,
)
from dovetail.interfaces import (
    GeneratorSpec as GeneratorSpec,
)
from dovetail.interfaces import (
    Leak as Leak,
)
from dovetail.interfaces import (
    Metric as Metric,
)
from dovetail.interfaces import (
    MetricSpec as MetricSpec,
)
from dovetail.interfaces import (
    Objective as Objective,
)
from dovetail.interfaces import (
    ObjectiveSpec as ObjectiveSpec,
)
from dovetail.interfaces import (
    OptimizerSpec as OptimizerSpec,
)
from dovetail.interfaces import (
    Outcome as Outcome,
)
from dovetail.interfaces import (
    Phase as Phase,
)
from dovetail.interfaces import (
    Progress as Progress,
)
from dovetail.interfaces import (
    Schedule as Schedule,
)
from dovetail.interfaces import (
    ScheduleSpec as ScheduleSpec,
)
from dovetail.interfaces import (
    Spec as Spec,
)
from dovetail.interfaces import (
    Split as Split,
)
from dovetail.interfaces import (
    State as State,
)
from dovetail.interfaces import (
    Stepwise as Stepwise,
)
from dovetail.interfaces import (
    Strategy as Strategy,
)
from dovetail.interfaces import (
    value_at as value_at,
)
from dovetail.ranges import (
    within as within,
)
from dovetail.registries import (
    Registry as Registry,
)
from dovetail.registries import (
    registry as registry,
)
from dovetail.spaces import (
    Fields as Fields,
)
from dovetail.spaces import (
    Frames as Frames,
)
from dovetail.spaces import (
    Gaussian as Gaussian,
)
from dovetail.spaces import (
    Image as Image,
)
from dovetail.spaces import (
    Label as Label,
)
from dovetail.spaces import (
    Labels as Labels,
)
from dovetail.spaces import (
    Normal as Normal,
)
from dovetail.spaces import (
    Padded as Padded,
)
from dovetail.spaces import (
    Regions as Regions,
)
from dovetail.spaces import (
    Sequence as Sequence,
)
from dovetail.spaces import (
    Space as Space,
)
from dovetail.spaces import (
    Tokens as Tokens,
)
from dovetail.spaces import (
    Varying as Varying,
)
from dovetail.spaces import (
    Vector as Vector,
)
from dovetail.spaces import (
    Vocabulary as Vocabulary,
)

__version__: str
