from tests.nets.multitask.contract import SharingContract


class TestSeparate(SharingContract):
    sharing = "separate"
    mixes = False


class TestShared(SharingContract):
    sharing = "shared"
    branched = False


class TestCrossStitch(SharingContract):
    sharing = "cross_stitch"
