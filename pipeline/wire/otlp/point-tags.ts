/** @module Tags of the fields of data points: number · 8 + wire type. Numbers and histograms share those of their times. */
import { HISTOGRAM_POINT, NUMBER_POINT } from './fields.ts';

export const START = NUMBER_POINT.start * 8 + 1;
export const TIME = NUMBER_POINT.time * 8 + 1;
export const AS_DOUBLE = NUMBER_POINT.asDouble * 8 + 1;
export const AS_INT = NUMBER_POINT.asInt * 8 + 1;
export const NUMBER_ATTRIBUTES = NUMBER_POINT.attributes * 8 + 2;
export const NUMBER_FLAGS = NUMBER_POINT.flags * 8;
export const COUNT = HISTOGRAM_POINT.count * 8 + 1;
export const BUCKET_COUNTS = HISTOGRAM_POINT.bucketCounts * 8 + 2;
export const BUCKET_COUNT = HISTOGRAM_POINT.bucketCounts * 8 + 1;
export const BOUNDS = HISTOGRAM_POINT.bounds * 8 + 2;
export const BOUND = HISTOGRAM_POINT.bounds * 8 + 1;
export const HISTOGRAM_ATTRIBUTES = HISTOGRAM_POINT.attributes * 8 + 2;
export const HISTOGRAM_FLAGS = HISTOGRAM_POINT.flags * 8;
