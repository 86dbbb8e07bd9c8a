// One row of a dataset with two features.
#pragma once

namespace trainyard {

struct PlanePoint {
  double x = 0;
  double y = 0;
  // The class, or the real target of a regression.
  double target = 0;
};

}  // namespace trainyard
