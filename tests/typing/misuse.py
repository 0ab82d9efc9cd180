"""Uses of the SDK that a type checker must refuse: each is ignored by its code, and an ignore too many is an error."""

from __future__ import annotations

from typing import assert_type

import lossd


async def misuse() -> None:
    client = lossd.Client()
    asynchronous = lossd.AsyncClient()

    lossd.MSELoss(reduction="avg")  # type: ignore[arg-type]
    lossd.MSELoss(reduction="batchmean")  # type: ignore[arg-type]
    lossd.KLDivLoss(reduction="batchmean")
    lossd.MSELoss("mean")  # type: ignore[arg-type,call-arg]
    lossd.MSELoss(size_average=True)  # type: ignore[call-arg]
    lossd.HuberLoss(delta="1")  # type: ignore[arg-type]
    lossd.HuberLoss().delta = 2.0  # type: ignore[misc]
    lossd.MSELoss() * lossd.MSELoss()  # type: ignore[operator]
    lossd.MSELoss() + 1  # type: ignore[operator]
    lossd.nn.Sequential(lossd.MSELoss())  # type: ignore[arg-type]
    lossd.optim.SGD(0.01)  # type: ignore[arg-type,call-arg]

    client.evaluate(lossd.MSELoss, 1, 2)  # type: ignore[arg-type]
    client.evaluate("mse_loss", 1, 2)  # type: ignore[arg-type]
    client.evaluate(lossd.MSELoss(), 1, 2).value + 1  # type: ignore[operator]
    _ = client.evaluate(lossd.MSELoss(), 1, 2).reduced  # type: ignore[attr-defined]
    client.evaluate_batch([lossd.MSELoss()])  # type: ignore[list-item]
    _ = client.evaluate_batch([])[0].value  # type: ignore[union-attr]
    client.create_session(lossd.nn.Linear(1, 1), lossd.MSELoss(), lossd.optim.SGD())  # type: ignore[call-arg]
    client.create_session(model=lossd.nn.Linear(1, 1), loss=lossd.MSELoss(), optimizer=lossd.MSELoss())  # type: ignore[arg-type]
    lossd.Client("there:1", "token")  # type: ignore[call-arg]

    _ = asynchronous.evaluate(lossd.MSELoss(), 1, 2).value  # type: ignore[attr-defined]
    assert_type((await asynchronous.evaluate(lossd.MSELoss(), 1, 2)).value, float | None)

    assert_type(0.8 * lossd.MSELoss() + 0.2 * lossd.L1Loss(), lossd.WeightedSum)
    assert_type(float(client.evaluate(lossd.MSELoss(), 1, 2)), float)
    assert_type(client.losses(), list[lossd.LossInfo])

    net, mse, sgd = lossd.nn.Linear(1, 1), lossd.MSELoss(), lossd.optim.SGD()
    session = client.create_session(model=net, loss=mse, optimizer=sgd)
    client.create_session(model=net, loss=mse, optimizer=sgd, durability="disk")  # type: ignore[arg-type]
    client.create_session(model=net, loss=mse, optimizer=sgd, autocast="float8")  # type: ignore[arg-type]
    client.create_session(model=net, loss=mse, optimizer=sgd, scheduler=sgd)  # type: ignore[arg-type]
    session.step(1, 2, 0.1)  # type: ignore[call-arg]
    session.step(1, 2, lr="0.1")  # type: ignore[arg-type]
    session.fit(1, 2, epochs=1.5)  # type: ignore[arg-type]
    session.fit(1, 2, metrics=5)  # type: ignore[arg-type]
    session.fit(1, 2, progress=lambda: None)  # type: ignore[arg-type,misc]
    session.step_stream(5)  # type: ignore[arg-type]
    _ = session.optim_step().weight_sum  # type: ignore[attr-defined]
    session.step(1, 2).value = 0.0  # type: ignore[misc]
    lossd.CheckpointPolicy(100)  # type: ignore[call-arg]
    lossd.WeightSchedule([(0, 1.0)], "cubic")  # type: ignore[arg-type]
    assert_type(session.step(1, 2), lossd.Step)
    assert_type(session.forward_backward(1, 2).weight_sum, float | None)
    assert_type(session.optim_step(), lossd.Step)
    assert_type(session.fit(1, 2).value, list[float])
    assert_type(session.fit(1, 2)[0], lossd.Epoch)
    assert_type(session.evaluate(1, 2).metrics, dict[str, float])
    assert_type(session.resync(), int)
    assert_type(next(session.step_stream([])), lossd.Step)
    assert_type(next(client.sessions()), lossd.SessionInfo)

    awaited = await asynchronous.session("id")
    _ = awaited.step(1, 2).value  # type: ignore[attr-defined]
    assert_type(await awaited.step(1, 2), lossd.Step)
    assert_type([step async for step in awaited.step_stream([])], list[lossd.Step])
