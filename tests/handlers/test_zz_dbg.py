import asyncio, pytest
from tests.support.desk import open_scene
from tests.handlers.vip.test_endings import a_vip

@pytest.mark.parametrize("n", range(60))
async def test_it(tmp_path, n):
    async with open_scene(tmp_path) as scene:
        channel, ann, session = await a_vip(scene, 1000)
        try:
            await scene.ended(session.id)
        except AssertionError:
            e = scene.desk.expiries
            print("QUEUED", e._queued, "now", scene.clock.now(), "exp", session.expires_at, scene.clock._sleepers, scene.clock.monotonic())
            print("due", await scene.repositories.sessions.due(scene.clock.now()+1))
            for t in asyncio.all_tasks(): 
                if t.get_name() in ("expiries","worker.due"): t.print_stack()
            for st in ("open","done","dead"):
                from domain.inbox import RowState
                print(st, [(r.id, r.kind, r.result, r.due_at, r.error) for r in await scene.rows(RowState(st))])
            raise
