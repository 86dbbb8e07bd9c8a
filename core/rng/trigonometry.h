// Sine and cosine whose bits do not depend on the machine's libm. Scalar and in
// double: for what is drawn.
#pragma once

namespace trainyard {

struct SineCosine {
  double sine = 0;
  double cosine = 1;
};

// Of an angle in turns: of 2 pi `turns`. Within 2e-16 absolute for finite
// |turns| up to 2^50; exact at multiples of a quarter.
SineCosine DeterministicSineCosine(double turns);

}  // namespace trainyard
