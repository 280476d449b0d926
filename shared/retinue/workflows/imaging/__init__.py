"""Operations on pictures, equal to OpenCV's in their pixels, that know nothing of workflows."""
