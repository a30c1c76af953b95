"""The whole error tree, branched by what the caller should do: fix something, or try again.

LockgateError
├── FatalError                  trying again will not help
│   ├── ConfigurationError
│   │   ├── ProjectInvalid      LG101
│   │   ├── UnknownName         LG102
│   │   ├── SecretMissing       LG103
│   │   ├── ExtraMissing        LG104
│   │   ├── CapabilityMissing   LG105
│   │   ├── ControlPlaneNewer   LG106
│   │   └── NotOnline           LG107
│   ├── RuleError
│   │   ├── RuleSetInvalid      LG201
│   │   └── RuleCaseFailed      LG202
│   ├── LoadError
│   │   ├── SourceRefused       LG301
│   │   ├── SourceInconsistent  LG302
│   │   └── ContractBroken      LG303
│   ├── WarehouseError
│   │   ├── StatementFailed     LG401
│   │   ├── StaleToken          LG402
│   │   ├── DependentsInTheWay  LG403
│   │   ├── OutputInvalid       LG404
│   │   ├── DiskFull            LG405
│   │   └── AccessRefused       LG406
│   ├── DbtError
│   │   ├── DbtProjectInvalid   LG501
│   │   ├── WorkshopEscaped     LG502
│   │   ├── DbtFailed           LG503
│   │   ├── DbtTimedOut         LG504
│   │   ├── DbtCancelled        LG505
│   │   ├── DbtTestFailed       LG506
│   │   └── ExecutorRefused     LG507
│   ├── AlertError
│   │   └── NoticeRefused       LG961
│   ├── FlowRuntimeError
│   │   ├── RuntimeRefused      LG971
│   │   ├── FlowMissing         LG972
│   │   ├── FlowPaused          LG973
│   │   ├── RunExists           LG974
│   │   └── IntervalInvalid     LG975
│   ├── ComparisonInvalid       LG901
│   ├── CutoverInvalid          LG951
│   ├── AccessError
│   │   ├── SignInRefused       LG751
│   │   ├── TokenRefused        LG752
│   │   ├── PasswordRefused     LG753
│   │   ├── NotAllowed          LG754
│   │   └── AccountRefused      LG755
│   └── JobError
│       ├── EngineOff           LG701
│       ├── KeyReused           LG702
│       ├── JobFinal            LG703
│       ├── JobSetAside         LG704
│       └── JobCancelled        LG705
└── RetryableError              the same call may succeed later
    ├── SourceUnavailable       LG601
    ├── WarehouseUnavailable    LG602
    ├── TargetBusy              LG603
    ├── PublishBlocked          LG604
    ├── ControlPlaneUnavailable LG605
    ├── DbtProcessLost          LG606
    ├── SignInBusy              LG607
    ├── RuntimeUnavailable      LG608
    ├── ExecutorUnavailable     LG609
    ├── QueueFull               LG610
    ├── WaitedTooLong           LG611
    ├── NotReady                LG612
    └── NoticeUnavailable       LG962
"""

from __future__ import annotations

from lockgate.errors.fatal import (
    AccessError,
    AccessRefused,
    AccountRefused,
    AlertError,
    CapabilityMissing,
    ComparisonInvalid,
    ConfigurationError,
    ContractBroken,
    ControlPlaneNewer,
    CutoverInvalid,
    DbtCancelled,
    DbtError,
    DbtFailed,
    DbtProjectInvalid,
    DbtTestFailed,
    DbtTimedOut,
    DependentsInTheWay,
    DiskFull,
    EngineOff,
    ExecutorRefused,
    ExtraMissing,
    FlowMissing,
    FlowPaused,
    FlowRuntimeError,
    IntervalInvalid,
    JobCancelled,
    JobError,
    JobFinal,
    JobSetAside,
    KeyReused,
    LoadError,
    NotAllowed,
    NoticeRefused,
    NotOnline,
    OutputInvalid,
    PasswordRefused,
    ProjectInvalid,
    RuleCaseFailed,
    RuleError,
    RuleSetInvalid,
    RunExists,
    RuntimeRefused,
    SecretMissing,
    SignInRefused,
    SourceInconsistent,
    SourceRefused,
    StaleToken,
    StatementFailed,
    TokenRefused,
    UnknownName,
    WarehouseError,
    WorkshopEscaped,
)
from lockgate.errors.retryable import (
    ControlPlaneUnavailable,
    DbtProcessLost,
    ExecutorUnavailable,
    NoticeUnavailable,
    NotReady,
    PublishBlocked,
    QueueFull,
    RuntimeUnavailable,
    SignInBusy,
    SourceUnavailable,
    TargetBusy,
    WaitedTooLong,
    WarehouseUnavailable,
)
from lockgate.errors.roots import (
    FatalError,
    LockgateError,
    Problem,
    RetryableError,
)

__all__ = [
    "AccessError",
    "AccessRefused",
    "AccountRefused",
    "AlertError",
    "CapabilityMissing",
    "ComparisonInvalid",
    "ConfigurationError",
    "ContractBroken",
    "ControlPlaneNewer",
    "ControlPlaneUnavailable",
    "CutoverInvalid",
    "DbtCancelled",
    "DbtError",
    "DbtFailed",
    "DbtProcessLost",
    "DbtProjectInvalid",
    "DbtTestFailed",
    "DbtTimedOut",
    "DependentsInTheWay",
    "DiskFull",
    "EngineOff",
    "ExecutorRefused",
    "ExecutorUnavailable",
    "ExtraMissing",
    "FatalError",
    "FlowMissing",
    "FlowPaused",
    "FlowRuntimeError",
    "IntervalInvalid",
    "JobCancelled",
    "JobError",
    "JobFinal",
    "JobSetAside",
    "KeyReused",
    "LoadError",
    "LockgateError",
    "NotAllowed",
    "NotOnline",
    "NotReady",
    "NoticeRefused",
    "NoticeUnavailable",
    "OutputInvalid",
    "PasswordRefused",
    "Problem",
    "ProjectInvalid",
    "PublishBlocked",
    "QueueFull",
    "RetryableError",
    "RuleCaseFailed",
    "RuleError",
    "RuleSetInvalid",
    "RunExists",
    "RuntimeRefused",
    "RuntimeUnavailable",
    "SecretMissing",
    "SignInBusy",
    "SignInRefused",
    "SourceInconsistent",
    "SourceRefused",
    "SourceUnavailable",
    "StaleToken",
    "StatementFailed",
    "TargetBusy",
    "TokenRefused",
    "UnknownName",
    "WaitedTooLong",
    "WarehouseError",
    "WarehouseUnavailable",
    "WorkshopEscaped",
]
